"""Puts tags on many AMIs and takes them off again; whose AMIs they are does not matter.

EC2 user guide, "Tag your Amazon EC2 resources": public and shared resources can be tagged too; such tags are
seen by this account alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import TagTypeDef

_IDS_PER_REQUEST = 200
"""CreateTags, EC2 API reference: up to 1000, and "we recommend breaking up this request"."""


class Tagging:
    """The tags of AMIs in one region."""

    def __init__(self, client: EC2Client) -> None:
        self._client = client

    def put(self, ami_ids: Sequence[str], tags: Mapping[str, str]) -> None:
        """Have *ami_ids* the *tags*, whatever their values were."""
        for ids in _portions(ami_ids):
            self._client.create_tags(Resources=ids, Tags=_listed(tags))

    def remove(self, ami_ids: Sequence[str], tags: Mapping[str, str]) -> None:
        """Have *ami_ids* the *tags* no longer, but those whose values became others meanwhile."""
        for ids in _portions(ami_ids):
            # DeleteTags, EC2 API reference: with a value, only a tag of that value is deleted.
            self._client.delete_tags(Resources=ids, Tags=_listed(tags))


def _listed(tags: Mapping[str, str]) -> list[TagTypeDef]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _portions(ami_ids: Sequence[str]) -> list[list[str]]:
    return [
        list(ami_ids[start : start + _IDS_PER_REQUEST]) for start in range(0, len(ami_ids), _IDS_PER_REQUEST)
    ]
