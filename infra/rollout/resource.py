"""InstanceRefresh: what a Pulumi program sees of a rollout."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi.dynamic import Resource

from infra.rollout.provider import OUTPUTS, InstanceRefreshProvider


@dataclass(frozen=True, kw_only=True)
class InstanceRefreshArgs:
    """Which group to bring to which image, and how gently."""

    region: pulumi.Input[str]
    auto_scaling_group_name: pulumi.Input[str]
    launch_template_id: pulumi.Input[str]
    launch_template_version: pulumi.Input[str]
    ami_id: pulumi.Input[str]
    min_healthy_percentage: int
    max_healthy_percentage: int
    instance_warmup_seconds: int
    skip_matching: bool
    auto_rollback: bool
    timeout_minutes: int


class InstanceRefresh(Resource, module="infra", name="InstanceRefresh"):
    """A rollout that is recorded only when it succeeded.

    Outputs: `status` ("Successful"), `refresh_id` (empty where nothing had to be replaced) and `instances`,
    the number that served at the end. Creating or updating it raises, and `pulumi up` fails, unless every
    in-service instance runs the launch template's version and the AMI; the next `up` then tries again.
    """

    status: pulumi.Output[str]
    refresh_id: pulumi.Output[str]
    instances: pulumi.Output[int]

    def __init__(
        self, name: str, args: InstanceRefreshArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(InstanceRefreshProvider(), name, {**vars(args), **dict.fromkeys(OUTPUTS)}, opts)
