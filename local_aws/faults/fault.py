"""What a fault is, and what is wrong with one that was asked for."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import botocore.session

from local_aws.home import LocalAwsError

KINDS: Mapping[str, str] = {
    "throttling": "refused: the account makes too many requests",
    "server-error": "refused: the service failed",
    "expired-credentials": "refused: the credentials have expired",
    "timeout": "not served and not answered, while the fault is in force or until it is released",
    "dropped": "not served: the connection is closed without an answer",
    "dropped-after": "served, then the connection is closed without the answer",
    "stale": "a read: answered as it was when the fault came into force",
    "hold": "kept waiting until released, then served; never served when its client has gone by then",
    "hold-after": "served, and its answer kept until released",
}
# The service's name in a signature, and the models that botocore has of it.
MODELS: Mapping[str, tuple[str, ...]] = {
    "autoscaling": ("autoscaling",),
    "ec2": ("ec2",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "iam": ("iam",),
    "kms": ("kms",),
    "logs": ("logs",),
    "monitoring": ("cloudwatch",),
    "secretsmanager": ("secretsmanager",),
    "ssm": ("ssm",),
    "sts": ("sts",),
}


class FaultError(LocalAwsError):
    """A fault that cannot be, or that there is not."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to which calls."""

    action: str
    """`ec2:RunInstances`, `autoscaling:Describe*`, `*`."""
    kind: str
    count: int | None = None
    """How many calls it meets; None is all."""
    after: int = 0
    """How many calls it lets pass first."""
    seconds: float | None = None
    """How long it is in force; None is until it is cleared."""
    user_agent: str | None = None
    """A part of the user agent of the calls that it meets."""

    def to_json(self) -> dict[str, Any]:
        """The fault as fault_from_json reads it."""
        return asdict(self)


def fault_from_json(values: Any) -> Fault:
    """The fault that *values* describe; FaultError says what is wrong with them."""
    if not isinstance(values, dict) or not {"action", "kind"} <= set(values):
        raise FaultError(f"{values!r} is no fault · an object with action and kind was expected")
    unknown = sorted(set(values) - set(Fault.__dataclass_fields__))
    if unknown:
        raise FaultError(
            f"a fault has no {', '.join(unknown)} · it has {', '.join(Fault.__dataclass_fields__)}"
        )
    fault = Fault(**values)
    if fault.kind not in KINDS:
        raise FaultError(f"{fault.kind!r} is no kind of fault · expected one of {', '.join(KINDS)}")
    _check_number("count", fault.count, int, at_least=1)
    _check_number("after", fault.after, int, at_least=0)
    _check_number("seconds", fault.seconds, (int, float), at_least=0)
    if not isinstance(fault.user_agent, str | None):
        raise FaultError(f"user_agent {fault.user_agent!r} · a part of a user agent was expected, as packer")
    _check_action(fault.action)
    return fault


def _check_number(name: str, value: Any, kind: Any, *, at_least: int) -> None:
    is_optional = name != "after"
    if value is None and is_optional:
        return
    if isinstance(value, bool) or not isinstance(value, kind) or value < at_least:
        raise FaultError(f"{name} {value!r} · a number of at least {at_least} was expected")


def _check_action(pattern: Any) -> None:
    """A pattern that no action of any service matches would never meet a call."""
    if not isinstance(pattern, str) or not fnmatch.filter(all_actions(), pattern):
        raise FaultError(
            f"action {pattern!r} matches nothing · SERVICE:ACTION was expected, with * for any, as "
            f"ec2:RunInstances or autoscaling:Describe* · services are {', '.join(MODELS)}"
        )


@functools.cache
def all_actions() -> tuple[str, ...]:
    """Every action that the services of the local AWS have on AWS, as `ec2:RunInstances`."""
    session = botocore.session.Session()
    return tuple(
        f"{service}:{action}"
        for service, models in MODELS.items()
        for model in models
        for action in session.get_service_model(model).operation_names
    )
