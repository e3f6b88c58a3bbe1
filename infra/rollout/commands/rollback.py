"""`rollback`: the running refresh is turned back."""

from __future__ import annotations

import argparse
import math

from infra.rollout.commands.common import (
    FOLLOWING_EXIT_CODES,
    Exit,
    add_group,
    add_no_wait,
    open_account,
    say_aside,
)
from infra.rollout.commands.watch import follow, tell_now

HELP = "turn the running refresh back to the image before"
DESCRIPTION = """\
Turns the running refresh of a group back, also in its bake time, and waits until every instance runs the
image before. AWS cannot roll back a refresh that has ended: then this says which commands go back."""
EXAMPLES = """examples:
  the new image is bad:
    python -m infra.rollout rollback web-prod
  in a script, without waiting:
    python -m infra.rollout rollback web-prod --no-wait"""
EXIT_CODES = "exit codes:\n  0    the refresh ended RollbackSuccessful\n" + (
    FOLLOWING_EXIT_CODES.format("it ended otherwise")
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    add_group(parser)
    add_no_wait(parser)


def run(options: argparse.Namespace) -> Exit:
    """Turn back, and wait."""
    from infra.rollout.advice import describe_images, describe_no_rollback
    from infra.rollout.errors import RolloutError
    from infra.rollout.looking import find_name, look

    account = open_account(options, math.inf)
    name = find_name(account, options.group)
    situation = look(account, name)
    running = situation.running
    if running is None:
        raise RolloutError(describe_no_rollback(situation))
    if running.status != "RollbackInProgress":
        # A request that was sent again, its first answer lost, is refused though it was served.
        if account.rollback(name) is None and account.find_running(name) is None:
            raise RolloutError(describe_no_rollback(look(account, name)))
        say_aside(f"refresh {running.refresh_id} of {name} turns back to {situation.launched_ami}")
    if options.no_wait:
        tell_now(account, name, running, options)
        return Exit.DONE
    ended = follow(account, name, running, options, hoped_for="RollbackSuccessful")
    if ended != Exit.INTERRUPTED:
        say_aside(describe_images(look(account, name)))
    return ended
