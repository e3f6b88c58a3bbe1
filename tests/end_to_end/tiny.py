"""The smallest image that the whole program rolls out, on one machine, for stories of something else."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.checkout import Checkout

FOLDER = "tests/end_to_end/tiny_image"
SERVICE = f"{FOLDER}/service.py"

TINY_IMAGE = {"imageFolder": FOLDER, "imageFamily": "tiny"}
UNVERIFIED = {"verifyImage": "false"}
"""Verification takes a machine more for each image."""
ONE_INSTANCE = {"minSize": 1, "maxSize": 2, "desiredCapacity": 1, "maxHealthyPercentage": 200}
SHORT_WAITS = {
    "instanceWarmupSeconds": 0,
    "bakeTimeSeconds": 0,
    "healthCheckIntervalSeconds": 5,
    "deregistrationDelaySeconds": 1,
    "healthCheckGracePeriodSeconds": 300,
}
"""Nothing that makes production slow to roll, but patience: a slow computer is no bad image."""


def write_release(checkout: Checkout, name: str) -> Path:
    """Make the image's files those of the release *name*; the file that says so."""
    file = checkout.folder / FOLDER / "release"
    file.write_text(f"{name}\n")
    return file


def commit_release(checkout: Checkout, name: str) -> None:
    """The same, committed."""
    write_release(checkout, name)
    checkout.commit(f"Release {name}")
