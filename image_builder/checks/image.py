"""What is known of the image that is checked, and of the machine that was booted from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Image:
    """The image, by its record in AWS."""

    ami_id: str
    ami_name: str
    family: str
    fingerprint: str
    git_commit: str
    """The commit that it was built from; empty when that was outside a repository."""
    region: str
    login_key: str
    """The public key that only this run logs in with, as it stands in authorized_keys."""
