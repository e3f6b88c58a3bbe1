"""Plain groups and instances, and a world in which decisions have consequences, without moto or time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from local_aws.auto_scaling.decide import Decision, decide
from local_aws.auto_scaling.refresh import Preferences, Refresh
from local_aws.auto_scaling.values import (
    BeginTermination,
    Concern,
    EnterService,
    Forget,
    Group,
    Launch,
    Lifecycle,
    Member,
    SetTargets,
    TargetHealth,
    Template,
    Terminate,
)

TARGET_GROUP = "arn:target-group"
OLD = Template(template_id="lt-1", template_name="web", version="1")
NEW = Template(template_id="lt-1", template_name="web", version="2")


def target(state: str, reason: str = "", description: str = "") -> TargetHealth:
    """What the target group says."""
    return TargetHealth(target_group=TARGET_GROUP, state=state, reason=reason, description=description)


def member(name: str, **changes: Any) -> Member:
    """A healthy instance in service on the old version, unless *changes* say otherwise."""
    usual: dict[str, Any] = {
        "instance_id": name,
        "lifecycle": Lifecycle.IN_SERVICE,
        "ec2_state": "running",
        "template": OLD,
        "targets": (target("healthy"),),
        "registered": frozenset({TARGET_GROUP}),
    }
    return Member(**{**usual, **changes})


def group(*members: Member, **changes: Any) -> Group:
    """A group of *members* that wants just as many, at second 1000."""
    usual: dict[str, Any] = {
        "name": "web",
        "desired": len(members),
        "now": 1000.0,
        "template": OLD,
        "members": members,
        "target_groups": (TARGET_GROUP,),
        "checks_load_balancer": True,
    }
    return Group(**{**usual, **changes})


def refresh(**changes: Any) -> Refresh:
    """A refresh from the old version to the new one; keyword arguments of Preferences go there."""
    names = Preferences.__dataclass_fields__
    preferences = Preferences(**{name: value for name, value in changes.items() if name in names})
    others = {name: value for name, value in changes.items() if name not in names}
    usual: dict[str, Any] = {
        "refresh_id": "r-1",
        "group_name": "web",
        "preferences": preferences,
        "started_at": 1000.0,
        "desired": NEW,
        "previous": OLD,
        "failure_seconds": 30.0,
    }
    return Refresh(**{**usual, **others})


@dataclass
class World:
    """A group whose instances boot, get healthy or do not, and end, one second at a time."""

    group: Group
    refresh: Refresh | None = None
    boot_seconds: int = 2
    check_seconds: int = 2
    is_good: Callable[[Template], bool] = field(default=lambda _: True)
    on_decision: Callable[[Group, Refresh | None, Decision], None] = field(default=lambda *_: None)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def step(self) -> None:
        """One second: see, decide, do."""
        now = self.group.now + 1
        self.group = replace(
            self.group,
            now=now,
            template=self._template(),
            members=tuple(self._age(one, now) for one in self.group.members),
        )
        decision = decide(self.group, self.refresh if self.refresh and self.refresh.is_active else None)
        self.on_decision(self.group, self.refresh, decision)
        members = {one.instance_id: one for one in self.group.members}
        for action in decision.actions:
            match action:
                case EnterService(instance_id=name):
                    members[name] = replace(members[name], lifecycle=Lifecycle.IN_SERVICE, in_service_at=now)
                case SetTargets(instance_id=name, register=register, deregister=deregister):
                    registered = (members[name].registered | register) - deregister
                    targets = members[name].targets if registered else ()
                    members[name] = replace(members[name], registered=registered, targets=targets)
                case BeginTermination(instance_id=name, concern=concern):
                    members[name] = replace(
                        members[name], lifecycle=Lifecycle.TERMINATING, terminating_at=now, concern=concern
                    )
                case Terminate(instance_id=name):
                    members[name] = replace(
                        members[name], is_termination_requested=True, ec2_state="terminated"
                    )
                case Forget(instance_id=name):
                    del members[name]
                case Launch(subnets=subnets, template=template, launched_for=launched_for):
                    for subnet in subnets:
                        name = f"i-new-{next(self._numbers)}"
                        members[name] = member(
                            name,
                            lifecycle=Lifecycle.PENDING,
                            ec2_state="pending",
                            template=template,
                            subnet=subnet,
                            launched_for=launched_for,
                            launched_at=now,
                            targets=(),
                            registered=frozenset(),
                        )
        self.group = replace(self.group, members=tuple(members.values()))
        if decision.refresh:
            self.refresh = decision.refresh

    def run(self, seconds: int) -> Refresh:
        """Step until the refresh is over, for *seconds* at most, and return it."""
        for _ in range(seconds):
            if self.refresh and not self.refresh.is_active:
                break
            self.step()
        assert self.refresh is not None
        return self.refresh

    def settle(self, seconds: int = 30) -> None:
        """Step on, so that the group gets its own capacity after a refresh."""
        for _ in range(seconds):
            self.step()

    def kill(self, name: str) -> None:
        """The machine behind *name* dies."""
        self.group = replace(
            self.group,
            members=tuple(
                replace(one, ec2_state="stopped") if one.instance_id == name else one
                for one in self.group.members
            ),
        )

    def versions(self) -> list[str]:
        """The template versions of the live instances."""
        return [one.template.version for one in self.group.live if one.template]

    def _template(self) -> Template:
        if self.refresh and self.refresh.is_rolling_back:
            return OLD
        if self.refresh and self.refresh.status.value in ("Pending", "InProgress", "Baking", "Successful"):
            return self.refresh.desired or OLD
        return OLD

    def _age(self, one: Member, now: float) -> Member:
        if one.ec2_state == "pending" and now - one.launched_at >= self.boot_seconds:
            one = replace(one, ec2_state="running")
        if one.lifecycle is Lifecycle.IN_SERVICE and one.registered:
            if now - one.in_service_at < self.check_seconds:
                return replace(one, targets=(target("initial"),))
            is_good = one.template is not None and self.is_good(one.template)
            return replace(one, targets=(target("healthy" if is_good else "unhealthy", "Target.Timeout"),))
        return one


def is_voluntary(action: BeginTermination) -> bool:
    """Whether the instance was ended to be replaced, and not because it is ill."""
    return action.concern is Concern.NONE
