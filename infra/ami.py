"""The look at an image before anything is made of it."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

NOTHING_FOUND = "query returned no results"
"""What the aws provider says of an empty answer (terraform-provider-aws, ec2_ami_data_source.go)."""


class AmiError(pulumi.RunError):
    """The image cannot be used; Pulumi shows a RunError's message without a traceback."""


def find_ami(ami_id: pulumi.Output[str], owners: Sequence[str]) -> pulumi.Output[aws.ec2.GetAmiResult]:
    """The image *ami_id*, which one of *owners* has, Packer built and AWS calls available; else AmiError."""
    return ami_id.apply(lambda known: _look_up(known, owners))


def _look_up(ami_id: str, owners: Sequence[str]) -> aws.ec2.GetAmiResult:
    try:
        return aws.ec2.get_ami(
            owners=list(owners),
            filters=[
                aws.ec2.GetAmiFilterArgs(name="image-id", values=[ami_id]),
                aws.ec2.GetAmiFilterArgs(name="tag:Built-By", values=["packer"]),
                aws.ec2.GetAmiFilterArgs(name="state", values=["available"]),
            ],
            include_deprecated=True,
        )
    except Exception as error:
        if NOTHING_FOUND not in str(error):
            raise
        raise AmiError(
            f"{ami_id} is not to be had · an available image with the tag Built-By=packer was expected, "
            f"owned by {' or '.join(owners)} (imageOwners) · look at it with "
            f"aws ec2 describe-images --image-ids {ami_id}, or pin another one: "
            "pulumi config set pinnedAmi AMI"
        ) from error
