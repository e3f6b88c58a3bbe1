"""What happens to an InstanceRefresh in its life. This import path is in every state: never rename it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from infra.rollout.answers import one_line
from infra.rollout.errors import RolloutError
from infra.rollout.inputs import (
    IDENTITY_INPUTS,
    PREFERENCE_INPUTS,
    TARGET_INPUTS,
    find_changed,
    find_refusals,
    to_preferences,
    to_target,
)
from infra.rollout.plan import plan_batches
from infra.rollout.refreshes import Refreshes
from infra.rollout.rolling import Rollout

OUTPUTS = ("status", "refresh_id", "instances")


class InstanceRefreshProvider(ResourceProvider):
    """Decides; Rollout does."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse what AWS would refuse, or worse, accept."""
        failures = [CheckFailure(name, reason) for name, reason in find_refusals(news)]
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A new target or preference updates, another group replaces; anything else is no change."""
        replaces = find_changed(olds, news, IDENTITY_INPUTS)
        changed = find_changed(olds, news, (*TARGET_INPUTS, *PREFERENCE_INPUTS))
        # A refresh diffs what read returned, outputs included: there nothing is going to happen.
        is_going_to_happen = news.get("status") is None
        if is_going_to_happen and not replaces and is_another_target(olds, news):
            _say_plan(news)
        return DiffResult(changes=bool(replaces or changed), replaces=replaces, delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Bring the group to the target; raises RolloutError, so that nothing is recorded, if it fails."""
        return CreateResult(str(props["auto_scaling_group_name"]), roll_out(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Bring the group to a new target; a preference alone moves nothing, it counts from the next time."""
        if is_another_target(olds, news):
            return UpdateResult(roll_out(news))
        return UpdateResult({**news, **{key: olds.get(key) for key in OUTPUTS}})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The version that the group really names, so that a refresh shows when somebody else moved it."""
        with short_errors(id_):
            refreshes = Refreshes(str(props["region"]))
            group = refreshes.find_group(str(props["auto_scaling_group_name"]))
            if group is None:
                return ReadResult(id_="", outs={})
            version = group.launch_template_version
            if version == props["launch_template_version"]:
                return ReadResult(id_, props)
            ami_id = refreshes.find_ami_of_version(str(props["launch_template_id"]), version)
        print(f"rollout: {group.name} names launch template version {version} ({ami_id}) now", flush=True)
        return ReadResult(id_, {**props, "launch_template_version": version, "ami_id": ami_id or ""})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing: what was rolled out stays until the group itself goes."""


def is_another_target(olds: dict[str, Any], news: dict[str, Any]) -> bool:
    """Whether the group has to move."""
    return bool(find_changed(olds, news, TARGET_INPUTS))


@contextmanager
def short_errors(group_name: str) -> Iterator[None]:
    """Errors as one line without the traceback that led to them: Pulumi prints all of it before the line."""
    try:
        yield
    except RolloutError as error:
        raise type(error)(str(error)) from None
    except (BotoCoreError, ClientError) as error:
        raise RolloutError(
            f"AWS did not answer about {group_name}: {one_line(str(error))} · an instance refresh that was "
            "started goes on · mend that, then run pulumi up again to follow it"
        ) from None


def _say_plan(news: dict[str, Any]) -> None:
    """Say how the group will be replaced, as far as AWS says how large it is."""
    name = news.get("auto_scaling_group_name")
    try:
        group = Refreshes(str(news["region"]), is_preview=True).find_group(str(name))
    except (BotoCoreError, ClientError):
        return  # Only a word less in the preview; the rollout itself looks again, and fails if it cannot.
    if group is not None:
        preferences = to_preferences(news)
        plan = plan_batches(
            group.desired_capacity, preferences.min_healthy_percentage, preferences.max_healthy_percentage
        )
        print(f"rollout of {name}: {plan}", flush=True)


def roll_out(props: dict[str, Any]) -> dict[str, Any]:
    """Run the rollout that *props* describe and return them with its outputs."""
    name = str(props["auto_scaling_group_name"])
    with short_errors(name):
        outcome = Rollout(
            refreshes=Refreshes(str(props["region"])),
            group_name=name,
            target=to_target(props),
            preferences=to_preferences(props),
            timeout_seconds=60.0 * float(props["timeout_minutes"]),
            say=lambda line: print(line, flush=True),
        ).run()
    return {
        **props,
        "status": "Successful",
        "refresh_id": outcome.refresh_id or "",
        "instances": outcome.instances,
    }
