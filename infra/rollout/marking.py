"""The mark of a success: `VerifiedIn:STACK` on the AMI, which the gates of other stacks ask for."""

from __future__ import annotations

from infra.rollout.aws_errors import PERMISSION_CODES, AwsError, describe_error, error_code

VERIFIED_IN = "VerifiedIn:"
MOST_CHARACTERS = 128 - len(VERIFIED_IN)
"""Of a stack's name: a tag's key has up to 128 (EC2 user guide, "Tag your Amazon EC2 resources")."""


def explain_no_mark(error: AwsError, *, group_name: str, ami_id: str, stack: str) -> str:
    """The line that an `up` fails with when the AMI cannot be marked: the group stays on it."""
    if error_code(error) == "TagLimitExceeded":
        # EC2 user guide, "Tag restrictions": 50 tags per resource.
        remedy = (
            "room for one among the 50 that AWS allows was expected · remove one of a stack that is gone: "
            f"aws ec2 delete-tags --resources {ami_id} --tags Key={VERIFIED_IN}STACK; then"
        )
    elif error_code(error) in PERMISSION_CODES:
        remedy = "ec2:CreateTags was expected to be allowed · allow it and"
    else:
        remedy = "AWS was expected to take it · mend that and"
    return (
        f"{group_name} is on {ami_id}, which could not be tagged {VERIFIED_IN}{stack}: "
        f"{describe_error(error)} · {remedy} run pulumi up again, which replaces nothing and tags it"
    )
