"""Machine images as Pulumi resources: a Packer template becomes an AMI, built once per content.

An image's life, and where each part of it is. The resources are on top: resource.py is what a program sees,
provider.py decides, image_copies.py is both for copies. Beside them is what all parts speak of: inputs.py,
fingerprint.py, ami.py and amis.py, lookup.py, wording.py, and ec2_client.py, which makes every client.

    checkout/          the commit, the stacks' config and the families of this checkout
    packer_template/   what the template says, and its private copy
    bases/             what it is locked to
    building/          lock, private folder, supervised Packer, manifest, the record that travels with the AMI
    leftovers/         what a build that was killed left behind
    verifying/         booted once and checked, by checks/, before it counts
    registry/          what AWS tells: images, their ancestry, and who runs them
    releasing/         gates between stacks, revocation, copies and sharing
    retention/         what is kept, why, and how the rest goes
    telling/           differences, explanations, the report
    commands/          `python -m image_builder`

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
