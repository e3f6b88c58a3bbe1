"""What a person who looks at a group is told: how refreshes ended, and what to do now."""

from __future__ import annotations

from datetime import datetime

from infra.rollout.decide import find_failing, find_held
from infra.rollout.situation import Situation
from infra.rollout.values import ADOPTABLE_STATUSES, Refresh
from infra.rollout.wording import describe_counts, describe_failing, describe_held


def advise(situation: Situation, options: str = "") -> list[str]:
    """What is to be decided, each with its command; nothing where nothing is."""
    running = situation.running
    return _while_running(situation, running, options) if running else _afterwards(situation)


def _while_running(situation: Situation, running: Refresh, options: str) -> list[str]:
    command = f"python -m infra.rollout {{}} {situation.name}{options}"
    lines = [f"follow it to its end: {command.format('watch')}"]
    if running.status not in ADOPTABLE_STATUSES:
        return lines
    failing = find_failing(situation.fleet, situation.target)
    if failing:
        lines.append(f"{describe_failing(*failing[0])}: the new image may be bad")
    if held := describe_held(find_held(situation.fleet.group, situation.target, running.preferences)):
        lines.append(held)
    lines.append(f"turn it back to {situation.launched_ami or 'the old image'}: {command.format('rollback')}")
    lines.append(f"stop it where it is: {command.format('cancel')}")
    return lines


def _afterwards(situation: Situation) -> list[str]:
    lines = []
    if situation.failed_launch and situation.missing:
        lines.append(f"AWS cannot launch instances: {situation.failed_launch}")
    if situation.off_target:
        lines.append(
            f"bring all instances to what the program says: pulumi up; or keep {situation.launched_ami}: "
            f"pulumi config set pinnedAmi {situation.launched_ami}, then pulumi up"
        )
    failing = find_failing(situation.fleet, situation.target)
    if failing:
        instance, health = failing[0]
        lines.append(
            f"{describe_failing(instance, health)}; its console: aws ec2 get-console-output --latest "
            f"--output text --region {situation.region} --instance-id {instance.instance_id}"
        )
    if situation.missing and situation.previous_ami:
        lines.append(f"go back to the image before: {describe_pin(situation.previous_ami)}")
    return lines


def describe_pin(ami_id: str) -> str:
    """The commands that bring a group to *ami_id*."""
    return f"pulumi config set pinnedAmi {ami_id}, then pulumi up"


def describe_no_rollback(situation: Situation) -> str:
    """Why there is nothing to turn back, and the way that there is."""
    way = (
        describe_pin(situation.previous_ami)
        if situation.previous_ami
        else "choose an AMI, pulumi config set pinnedAmi AMI_ID, then pulumi up"
    )
    return (
        f"{describe_nothing_runs(situation.name, situation.history[0] if situation.history else None)}; AWS "
        f"cannot roll back a finished refresh · a running one was expected; the group launches "
        f"{situation.launched_ami or 'no AMI that is there'} · to go back to the image before: {way}"
    )


def describe_nothing_runs(group_name: str, last: Refresh | None) -> str:
    """That no refresh is under way, and how the last one ended."""
    if last is None:
        return f"no instance refresh of {group_name} is running, and AWS knows of none in the last six weeks"
    return f"no instance refresh of {group_name} is running; the last, {describe_ended(last)}"


def describe_ended(refresh: Refresh) -> str:
    """`r-1 to version 2, ended Successful at 2026-11-23 10:43:51 UTC`, with AWS's reason."""
    reason = (refresh.rollback_reason or refresh.reason).rstrip(".")
    return (
        f"{refresh.refresh_id} to launch template version {refresh.launch_template_version or 'unknown'}, "
        f"ended {refresh.status} at {describe_time(refresh.ended_at)}" + (f": {reason}" if reason else "")
    )


def describe_time(moment: datetime | None) -> str:
    """In UTC, to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "an unknown time"


def describe_duration(refresh: Refresh) -> str:
    """`12 s` or `4 min`; a hyphen while it runs."""
    if not refresh.started_at or not refresh.ended_at:
        return "-"
    seconds = (refresh.ended_at - refresh.started_at).total_seconds()
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def describe_images(situation: Situation) -> str:
    """`2 instances of web run ami-1, 1 runs ami-2`."""
    return f"instances of {situation.name}: {describe_counts(situation.images_running) or 'none'}"
