"""VerifiedMark: the tag `VerifiedIn:STACK` on an AMI that a stack runs, by which the gates of others go.

A step of its own, because it stands for the whole deployment: it is put once the rollout succeeded and the
smoke test, which runs after that, found the image behind the load balancer. The import path of
VerifiedMarkProvider is in every state (Pulumi stores the class by reference): never rename or move it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from infra.rollout.aws_errors import AWS_ERRORS
from infra.rollout.errors import RolloutError
from infra.rollout.marking import MOST_CHARACTERS, VERIFIED_IN, explain_no_mark
from infra.rollout.refreshes import Refreshes

_INPUTS = ("ami_id", "stack", "launch_template_version", "refresh_id", "instances")


class VerifiedMarkProvider(ResourceProvider):
    """Marks at first, and after each rollout."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """A name of a stack that fits into a tag's key."""
        failures = []
        if isinstance(stack := news.get("stack"), str) and len(stack) > MOST_CHARACTERS:
            expected = f"a name of up to {MOST_CHARACTERS} characters was expected, as it is part of a tag"
            failures.append(CheckFailure("stack", f"{stack!r} · {expected}"))
        return CheckResult(news, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Another image, rollout or stack is an update."""
        return DiffResult(changes=any(_olds.get(name) != _news.get(name) for name in _INPUTS), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """The mark, with the time; raises RolloutError, so that the next up marks, where AWS refuses it."""
        _mark(props)
        return CreateResult(f"{VERIFIED_IN}{props['stack']}", props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """The same for what runs now."""
        _mark(_news)
        return UpdateResult(_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing: that it succeeded stays true."""


@dataclass(frozen=True, kw_only=True)
class VerifiedMarkArgs:
    """Which image succeeded where."""

    region: str
    auto_scaling_group_name: pulumi.Input[str]
    ami_id: pulumi.Input[str]
    stack: str
    launch_template_version: pulumi.Input[str]
    refresh_id: pulumi.Input[str]
    instances: pulumi.Input[int]
    """How many run it; an image that none runs has proven nothing, and is not marked."""


class VerifiedMark(Resource, module="infra", name="VerifiedMark"):
    """The mark; let it depend on whatever has to succeed first."""

    def __init__(self, name: str, args: VerifiedMarkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(VerifiedMarkProvider(), name, {**vars(args)}, opts)


def _mark(props: Mapping[str, Any]) -> None:
    group, ami_id, stack = (str(props[name]) for name in ("auto_scaling_group_name", "ami_id", "stack"))
    if not props["instances"]:
        print(f"no instance of {group} runs {ami_id}: it is not tagged {VERIFIED_IN}{stack}", flush=True)
        return
    try:
        moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        Refreshes(str(props["region"])).mark_verified(ami_id, stack, moment)
    except AWS_ERRORS as error:
        raise RolloutError(explain_no_mark(error, group_name=group, ami_id=ami_id, stack=stack)) from None
