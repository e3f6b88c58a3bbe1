"""What happens to an InstanceRefresh in its life. This import path is in every state: never rename it."""

from __future__ import annotations

from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from infra.rollout.refreshes import Refreshes
from infra.rollout.rolling import Rollout
from infra.rollout.values import Preferences, Target

TARGET_INPUTS = ("launch_template_id", "launch_template_version", "ami_id")
IDENTITY_INPUTS = ("region", "auto_scaling_group_name")
PREFERENCE_INPUTS = (
    "min_healthy_percentage",
    "max_healthy_percentage",
    "instance_warmup_seconds",
    "skip_matching",
    "auto_rollback",
    "timeout_minutes",
)


class InstanceRefreshProvider(ResourceProvider):
    """Decides; Rollout does."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse what AWS would refuse, or worse, accept."""
        version = news.get("launch_template_version")
        failures = []
        if isinstance(version, str) and not version.isdigit():
            failures.append(
                CheckFailure(
                    "launch_template_version",
                    f"launch_template_version is {version!r} · a version's number was expected, as AWS does "
                    "not roll back from $Latest or $Default · pass the launch template's latest_version",
                )
            )
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A new target or preference updates, another group replaces; anything else is no change."""
        replaces = [key for key in IDENTITY_INPUTS if olds.get(key) != news.get(key)]
        changed = [key for key in (*TARGET_INPUTS, *PREFERENCE_INPUTS) if olds.get(key) != news.get(key)]
        return DiffResult(changes=bool(replaces or changed), replaces=replaces, delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Bring the group to the target; raises RolloutError, so that nothing is recorded, if it fails."""
        return CreateResult(str(props["auto_scaling_group_name"]), roll_out(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Bring the group to a new target; a preference alone moves nothing, it counts from the next time."""
        if all(olds.get(key) == news.get(key) for key in TARGET_INPUTS):
            kept = {key: olds.get(key) for key in ("status", "refresh_id", "instances")}
            return UpdateResult({**news, **kept})
        return UpdateResult(roll_out(news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The version that the group really names, so that a refresh shows when somebody else moved it."""
        refreshes = Refreshes(str(props["region"]))
        name = str(props["auto_scaling_group_name"])
        if not refreshes.group_exists(name):
            return ReadResult(id_="", outs={})
        group = refreshes.describe_group(name)
        version = group.launch_template_version
        if version == props["launch_template_version"]:
            return ReadResult(id_, props)
        ami_id = refreshes.find_ami_of_version(str(props["launch_template_id"]), version)
        return ReadResult(id_, {**props, "launch_template_version": version, "ami_id": ami_id or ""})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing: what was rolled out stays until the group itself goes."""


def roll_out(props: dict[str, Any]) -> dict[str, Any]:
    """Run the rollout that *props* describe and return them with its outputs."""
    outcome = Rollout(
        refreshes=Refreshes(str(props["region"])),
        group_name=str(props["auto_scaling_group_name"]),
        target=Target(
            launch_template_id=str(props["launch_template_id"]),
            launch_template_version=str(props["launch_template_version"]),
            ami_id=str(props["ami_id"]),
        ),
        preferences=Preferences(
            min_healthy_percentage=int(props["min_healthy_percentage"]),
            max_healthy_percentage=int(props["max_healthy_percentage"]),
            instance_warmup_seconds=int(props["instance_warmup_seconds"]),
            skip_matching=bool(props["skip_matching"]),
            auto_rollback=bool(props["auto_rollback"]),
        ),
        timeout_seconds=60.0 * float(props["timeout_minutes"]),
        say=lambda line: print(line, flush=True),
    ).run()
    return {
        **props,
        "status": "Successful",
        "refresh_id": outcome.refresh_id or "",
        "instances": outcome.instances,
    }
