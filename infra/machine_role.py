"""What the machines may do: their role and the profile that hands it to them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from infra.naming import shorten
from infra.secrets import Secret, mark_of, reading_policy

LONGEST_ROLE_NAME = 64
"""CreateRole, IAM API reference."""

MAY_BE_ASSUMED_BY_EC2 = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def make_instance_profile(
    name: str, secrets: Sequence[Secret], region: str, tags: Mapping[str, str], parent: pulumi.Resource
) -> aws.iam.InstanceProfile:
    """Lets a machine be managed by Systems Manager and read its *secrets*, and nothing else.

    Session Manager reaches a machine whose image has the agent as well, which Debian's AMI has not
    (images/README.md, "A shell on a machine").

    Other secrets make another role and profile, and the old ones go last, once the rollout succeeded:
    machines of the old launch template version can boot until then, also when AWS rolls back.
    """
    child = pulumi.ResourceOptions(parent=parent)
    mark = f"-{mark_of(secrets)}" if secrets else ""
    short_name = shorten(f"{name}-machine", LONGEST_ROLE_NAME - len(mark)) + mark
    role = aws.iam.Role(short_name, assume_role_policy=MAY_BE_ASSUMED_BY_EC2, tags=tags, opts=child)
    partition = aws.get_partition_output().partition
    aws.iam.RolePolicyAttachment(
        f"{name}-session-manager{mark}",
        role=role.name,
        policy_arn=pulumi.Output.format("arn:{0}:iam::aws:policy/AmazonSSMManagedInstanceCore", partition),
        opts=child,
    )
    policies = []
    if secrets:
        policy = reading_policy(secrets, region)
        policies.append(
            aws.iam.RolePolicy(f"{name}-secrets{mark}", role=role.name, policy=policy, opts=child)
        )
    # Whoever has the profile has the policy: no machine boots before it may read its secrets.
    opts = pulumi.ResourceOptions(parent=parent, depends_on=policies)
    return aws.iam.InstanceProfile(short_name, role=role.name, tags=tags, opts=opts)
