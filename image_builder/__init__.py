"""Machine images as Pulumi resources: a Packer template becomes an AMI, built once per content.

The resource is imported when it is first asked for, so that `python -m image_builder` needs no Pulumi and
starts at once.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from image_builder.image_copies import ImageCopies, ImageCopiesArgs
    from image_builder.resource import PackerImage, PackerImageArgs

__all__ = ["ImageCopies", "ImageCopiesArgs", "PackerImage", "PackerImageArgs"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from image_builder import image_copies, resource

    return getattr(image_copies if name.startswith("ImageCopies") else resource, name)
