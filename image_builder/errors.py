"""What can go wrong with an image, each as one line: what was wrong · what was expected · what to do.

Pulumi shows the last line of a provider's traceback, so each message stands alone and never has a line break.
"""

from __future__ import annotations


class ImageBuildError(Exception):
    """Something about an image that the user must know; the message is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class ImageFolderError(ImageBuildError):
    """The image folder cannot be read, or holds what cannot go into a fingerprint."""


class TemplateError(ImageBuildError):
    """The Packer template cannot be used."""


class ManifestError(ImageBuildError):
    """Packer's manifest does not name exactly one AMI of this run."""


class PackerError(ImageBuildError):
    """Packer is missing, failed, or ran out of time."""


class AmiError(ImageBuildError):
    """An AMI is not there, not usable, or not what it was asked to be."""


class VerificationError(ImageBuildError):
    """The checks of a new image failed, or could not be run."""


class RecordError(ImageBuildError):
    """What an image was made of is not recorded, or the record cannot be read."""


class RevocationError(ImageBuildError):
    """An image cannot be revoked or restored as it was asked."""
