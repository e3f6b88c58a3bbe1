"""InstanceRefresh: what a Pulumi program sees of a rollout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
from pulumi.dynamic import Resource

from infra.rollout.provider import OUTPUTS, InstanceRefreshProvider


@dataclass(frozen=True, kw_only=True)
class InstanceRefreshArgs:
    """Which group to bring to which image, and how gently; None and () leave AWS's own default."""

    region: pulumi.Input[str]
    auto_scaling_group_name: pulumi.Input[str]
    launch_template_id: pulumi.Input[str]
    launch_template_version: pulumi.Input[str]
    ami_id: pulumi.Input[str]
    min_healthy_percentage: int | None
    max_healthy_percentage: int | None
    instance_warmup_seconds: int | None
    skip_matching: bool | None
    auto_rollback: bool | None
    timeout_minutes: int
    checkpoint_percentages: Sequence[int] = ()
    checkpoint_delay_seconds: int | None = None
    bake_time_seconds: int | None = None
    alarm_names: pulumi.Input[Sequence[str]] = ()
    standby_instances: Literal["Wait", "Ignore", "Terminate"] = "Wait"
    scale_in_protected_instances: Literal["Wait", "Ignore", "Refresh"] = "Wait"
    on_refresh_in_progress: Literal["wait", "cancel", "fail"] = "fail"


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
