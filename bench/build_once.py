"""One image made by the provider as the engine would ask for it; prints a line of JSON about it.

A program of its own: the provider works in the current folder and with the current environment.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main(root: str, folder: str, family: str, region: str) -> None:
    """Fingerprint *folder* and make its image."""
    sys.path.insert(0, root)
    from image_builder.fingerprint import digest_files, fingerprint_of
    from image_builder.provider import PackerImageProvider

    began = time.perf_counter()
    digests = digest_files(Path(folder))
    inputs = {
        "folder": folder,
        "family": family,
        "region": region,
        "variables": {},
        "build_timeout_minutes": 10,
        "verify": False,  # a bare packer build boots no second machine either
        "fingerprint": fingerprint_of(digests, {}, family),
        "file_digests": digests,
    }
    provider = PackerImageProvider()
    checked = provider.check({}, inputs)
    if checked.failures:
        raise SystemExit("; ".join(f"{failure.property}: {failure.reason}" for failure in checked.failures))
    image = provider.create(checked.inputs).outs or {}
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "origin": image["origin"], "ami_id": image["ami_id"]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
