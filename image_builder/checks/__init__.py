"""What a check of an image gets: `host`, the machine it booted on, and `image`, what it should be.

from testinfra.host import Host
from image_builder.checks import Image

def test_it_knows_its_fingerprint(host: Host, image: Image) -> None:
    assert image.fingerprint in host.file("/etc/web-app/image.json").content_string
"""

from image_builder.checks.image import Image

__all__ = ["Image"]
