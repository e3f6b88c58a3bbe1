"""What the HTTP route POST /local-aws/machines/INSTANCE_ID|next/TROUBLE does."""

from __future__ import annotations

from concurrent.futures import Future, TimeoutError
from typing import Any

from local_aws.home import LocalAwsError
from local_aws.machines.machine import AnyMachine
from local_aws.machines.machines import Machines, suffer_in
from local_aws.machines.troubles import BEFALL_THE_NEXT, NextLaunch, Trouble

DONE_WITHIN_SECONDS = 60


def befall(machines: Machines, instance_id: str, trouble_name: str, options: dict[str, Any]) -> None:
    """Have the named trouble befall a machine, now or in some seconds; or the next ones that are launched."""
    if trouble_name not in list(Trouble):
        raise LocalAwsError(f"{trouble_name!r} befalls no machine · expected one of {', '.join(Trouble)}")
    trouble = Trouble(trouble_name)
    if instance_id == "next":
        if trouble not in BEFALL_THE_NEXT:
            raise LocalAwsError(
                f"machines that do not exist yet cannot {trouble} · "
                f"expected one of {', '.join(BEFALL_THE_NEXT)}"
            )
        machines.next_launches.add(_next_launch(trouble, options))
        return
    machine = _machine(machines, instance_id)
    seconds = float(options.get("in_seconds") or 0)
    if seconds:
        suffer_in(seconds, machine, trouble)
    else:
        _suffer_now(machine, trouble)


def _next_launch(trouble: Trouble, options: dict[str, Any]) -> NextLaunch:
    unknown = set(options) - {"count", "ami_id", "group", "in_seconds"}
    count = options.get("count", 1)
    if unknown or not isinstance(count, int) or count < 1:
        raise LocalAwsError(
            f"the next machines cannot be chosen by {options!r} · "
            "count (at least 1), ami_id, group and in_seconds were expected"
        )
    return NextLaunch(trouble=trouble, **options)


def _machine(machines: Machines, instance_id: str) -> AnyMachine:
    machine = machines.find(instance_id)
    if machine is None or machine.is_gone:
        raise LocalAwsError(
            f"{instance_id} has no machine · an instance that is not terminated was expected · "
            "`python -m local_aws status` lists them"
        )
    return machine


def _suffer_now(machine: AnyMachine, trouble: Trouble) -> None:
    result: Future[None] = Future()

    def done(error: LocalAwsError | None) -> None:
        if error:
            result.set_exception(error)
        else:
            result.set_result(None)

    machine.suffer(trouble, done)
    try:
        result.result(timeout=DONE_WITHIN_SECONDS)
    except TimeoutError:
        raise LocalAwsError(
            f"{machine.name} did not {trouble} within {DONE_WITHIN_SECONDS} s: it does something else · "
            "a machine that runs was expected · read the server's log"
        ) from None
