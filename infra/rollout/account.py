"""What only a person at the command line asks AWS for: which groups there are, and what images are."""

from __future__ import annotations

import os
from collections.abc import Iterable

import boto3
from botocore.exceptions import ProfileNotFound

from infra.rollout.errors import RolloutError
from infra.rollout.marking import VERIFIED_IN
from infra.rollout.patience import Patience
from infra.rollout.refreshes import Refreshes
from infra.rollout.values import Image, Refresh

IMAGES_PER_REQUEST = 200
"""The values that one filter of EC2 may have (EC2 user guide, "Filter your resources")."""

GROUPS_PER_PAGE = 100


class Account(Refreshes):
    """The calls of a rollout, and those that a person needs beside them."""

    def __init__(self, *, region: str | None, profile: str | None, patience: Patience) -> None:
        session = _open_session(region, profile)
        self.region = str(session.region_name)
        self.latest: Refresh | None = None
        super().__init__(self.region, patience=patience, session=session)

    def find(self, group_name: str, refresh_id: str) -> Refresh | None:
        """That refresh now, which is *latest* from then on."""
        self.latest = super().find(group_name, refresh_id)
        return self.latest

    def find_group_names(self, tag: str | None = None) -> list[str]:
        """The names of all groups, or of those that have the tag, in order."""
        filters = [{"Name": "tag-key", "Values": [tag]}] if tag else []
        request = self._auto_scaling.describe_auto_scaling_groups
        return sorted(
            group["AutoScalingGroupName"]
            for page in self._pages(request, Filters=filters, MaxRecords=GROUPS_PER_PAGE)
            for group in page["AutoScalingGroups"]
        )

    def find_images(self, ami_ids: Iterable[str]) -> dict[str, Image]:
        """Those of these AMIs that this account sees."""
        wanted = sorted(set(ami_ids))
        found: dict[str, Image] = {}
        for start in range(0, len(wanted), IMAGES_PER_REQUEST):
            # A filter, as an id that is gone would be an error.
            filters = [{"Name": "image-id", "Values": wanted[start : start + IMAGES_PER_REQUEST]}]
            for page in self._pages(self._ec2.describe_images, Filters=filters):
                for image in page["Images"]:
                    tags = {tag["Key"]: tag["Value"] for tag in image.get("Tags", ())}
                    found[image["ImageId"]] = Image(
                        name=image.get("Name", ""),
                        commit=tags.get("GitCommit", ""),
                        is_verified=any(key.startswith(VERIFIED_IN) for key in tags),
                    )
        return found


def _open_session(region: str | None, profile: str | None) -> boto3.session.Session:
    try:
        # The AWS CLI, Packer and Pulumi read AWS_REGION; boto3 by itself does not.
        session = boto3.session.Session(
            region_name=region or os.environ.get("AWS_REGION") or None, profile_name=profile
        )
    except ProfileNotFound as error:
        raise RolloutError(
            f"{error} · one of the AWS configuration files was expected · mend --profile"
        ) from None
    if not session.region_name:
        raise RolloutError("no AWS region is set · one was expected · pass --region, or set AWS_REGION")
    return session
