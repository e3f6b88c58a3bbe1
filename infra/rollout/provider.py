"""What happens to an InstanceRefresh in its life. This import path is in every state: never rename it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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

from infra.rollout.aws_errors import AWS_ERRORS, explain
from infra.rollout.course import Stage
from infra.rollout.decide import find_off_target
from infra.rollout.errors import RolloutError
from infra.rollout.inputs import (
    IDENTITY_INPUTS,
    PREFERENCE_INPUTS,
    TARGET_INPUTS,
    find_changed,
    find_refusals,
    is_known,
    to_preferences,
    to_target,
)
from infra.rollout.patience import Patience
from infra.rollout.plan import describe_plan, find_warnings
from infra.rollout.refreshes import Refreshes
from infra.rollout.rolling import Rollout
from infra.rollout.wording import describe_drift

OUTPUTS = ("status", "refresh_id", "instances")
SUCCESSFUL = "Successful"
DRIFTED = "Drifted"
"""The status that a refresh of the state gives a group whose instances are not, or not all, on the image."""


class InstanceRefreshProvider(ResourceProvider):
    """Decides; Rollout does."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse what AWS would refuse, or worse, accept."""
        failures = [CheckFailure(name, reason) for name, reason in find_refusals(news)]
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A new target or preference updates, and what no instance ran yet; another group replaces."""
        replaces = find_changed(olds, news, IDENTITY_INPUTS)
        changed = find_changed(olds, news, (*TARGET_INPUTS, *PREFERENCE_INPUTS))
        # A refresh diffs what read returned, outputs included: there nothing is going to happen.
        is_going_to_happen = news.get("status") is None
        if is_going_to_happen and not replaces and has_to_move(olds, news):
            _say_plan(news)
        elif is_going_to_happen and not replaces and has_to_be_proven(olds):
            name, image = news["auto_scaling_group_name"], news["ami_id"]
            say(f"rollout of {name}: no instance ran {image}, looks for some again")
        has_changes = bool(replaces or changed) or has_to_move(olds, news) or has_to_be_proven(olds)
        return DiffResult(changes=has_changes, replaces=replaces, delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Bring the group to the target; raises RolloutError, so that nothing is recorded, if it fails."""
        return CreateResult(str(props["auto_scaling_group_name"]), roll_out(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Bring the group to a new target; a preference alone moves nothing, it counts from the next time."""
        if has_to_move(olds, news) or has_to_be_proven(olds):
            return UpdateResult(roll_out(news))
        return UpdateResult({**news, **{key: olds.get(key) for key in OUTPUTS}})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """What the group really names and runs, so that a refresh shows when somebody else moved it."""
        with short_errors(id_):
            refreshes = Refreshes(str(props["region"]))
            group = refreshes.find_group(str(props["auto_scaling_group_name"]))
            if group is None:
                return ReadResult(id_="", outs={})
            version = group.launch_template_version
            target = to_target(props)
            if not group.launches(target):
                template = group.launch_template_id
                ami_id = refreshes.find_ami_of_version(template, version)
                say(f"rollout: {group.name} names version {version} of {template} ({ami_id}) now")
                moved = {"launch_template_id": template, "launch_template_version": version}
                return ReadResult(id_, {**props, **moved, "ami_id": ami_id or ""})
            running = refreshes.find_running(group.name)
            is_leaving = running is not None and not running.leads_to(target)
            group = refreshes.describe_group(group.name)
            if props.get("standby_instances") == "Ignore":
                group = group.without_standby()
            strays = find_off_target(group, target)
        if not is_leaving and not strays:
            return ReadResult(id_, {**props, "status": SUCCESSFUL})
        say(describe_drift(group.name, running if is_leaving else None, strays, target))
        return ReadResult(id_, {**props, "status": DRIFTED})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing: what was rolled out stays until the group itself goes."""


def has_to_move(olds: dict[str, Any], news: dict[str, Any]) -> bool:
    """Whether the group has to move: to another target, or back to the one that it left."""
    return bool(find_changed(olds, news, TARGET_INPUTS)) or olds.get("status") == DRIFTED


def has_to_be_proven(olds: dict[str, Any]) -> bool:
    """Whether no instance ran the image when the group was brought to it, which so proved nothing."""
    return olds.get("instances") == 0


@contextmanager
def short_errors(group_name: str) -> Iterator[None]:
    """Errors as one line without the traceback that led to them: Pulumi prints all of it before the line."""
    try:
        yield
    except RolloutError as error:
        raise type(error)(str(error)) from None
    except AWS_ERRORS as error:
        raise RolloutError(explain(error, group_name, Stage.BEGINNING.value)) from None


def say(line: str) -> None:
    """Say *line* where the person who runs Pulumi sees it."""
    print(line, flush=True)


def _say_plan(news: dict[str, Any]) -> None:
    """Say how the group will be replaced, as far as AWS says how large it is."""
    name = news.get("auto_scaling_group_name")
    try:
        group = Refreshes(str(news["region"]), is_preview=True).find_group(str(name))
    except AWS_ERRORS:
        return  # Only a word less in the preview; the rollout itself looks again, and fails if it cannot.
    if group is not None:
        preferences = to_preferences({name: value for name, value in news.items() if is_known(value)})
        say(f"rollout of {name}: {describe_plan(group.desired_capacity, preferences)}")
        for warning in find_warnings(group.desired_capacity, preferences):
            say(warning)


def roll_out(props: dict[str, Any]) -> dict[str, Any]:
    """Run the rollout that *props* describe and return them with its outputs."""
    name = str(props["auto_scaling_group_name"])
    seconds = 60.0 * float(props["timeout_minutes"])
    with short_errors(name):
        outcome = Rollout(
            refreshes=Refreshes(
                str(props["region"]),
                patience=Patience(
                    seconds=seconds,
                    total_seconds=seconds,
                    say=lambda line: say(f"rollout of {name}: {line}"),
                ),
            ),
            group_name=name,
            target=to_target(props),
            preferences=to_preferences(props),
            on_refresh_in_progress=str(props.get("on_refresh_in_progress") or "fail"),
            timeout_seconds=seconds,
            say=say,
        ).run()
    return {
        **props,
        "status": SUCCESSFUL,
        "refresh_id": outcome.refresh_id or "",
        "instances": outcome.instances,
    }
