"""`cancel`: the running refresh is stopped where it is."""

from __future__ import annotations

import argparse
import math
import sys

from infra.rollout.commands.common import (
    FOLLOWING_EXIT_CODES,
    Exit,
    add_group,
    add_no_wait,
    open_account,
    say_aside,
)
from infra.rollout.commands.watch import follow, tell_end, tell_now

HELP = "stop the running refresh where it is, without undoing it"
DESCRIPTION = """\
Stops the running refresh (or rollback) of a group. What it replaced stays replaced: the group may be
left with two images, and this says with how many of each. Asks before it acts, unless --yes is given;
waits until AWS has stopped it, as the instances it is replacing are replaced to the end."""
EXAMPLES = """examples:
  stop a rollout that is not to go on:
    python -m infra.rollout cancel web-prod
  in a script, without waiting:
    python -m infra.rollout cancel web-prod --yes --no-wait"""
EXIT_CODES = "exit codes:\n  0    the refresh is cancelled, or none was running\n" + (
    FOLLOWING_EXIT_CODES.format("it ended otherwise before it could be cancelled")
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    add_group(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_no_wait(parser)


def run(options: argparse.Namespace) -> Exit:
    """Ask, cancel, and wait."""
    from infra.rollout.advice import describe_images
    from infra.rollout.looking import find_name, look
    from infra.rollout.wording import describe_progress

    account = open_account(options, math.inf)
    name = find_name(account, options.group)
    situation = look(account, name)
    running = situation.running
    if running is None:
        tell_end(name, situation.history[0] if situation.history else None, options)
        return Exit.DONE
    say_aside(
        f"refresh {running.refresh_id} of {name} to {situation.target.ami_id or 'no AMI'}: "
        f"{describe_progress(running, situation.fleet.group.desired_capacity)}"
    )
    say_aside(f"cancelled, it leaves the {describe_images(situation)}")
    if not options.yes and (refusal := _ask(name)) is not None:
        return refusal
    if account.cancel(name) is None and account.find_running(name) is None:
        say_aside(f"refresh {running.refresh_id} of {name} has ended by itself")
    if options.no_wait:
        tell_now(account, name, running, options)
        return Exit.DONE
    ended = follow(account, name, running, options, hoped_for="Cancelled")
    if ended != Exit.INTERRUPTED:
        say_aside(f"left as they are: {describe_images(look(account, name))} · pulumi up goes on from there")
    return ended


def _ask(name: str) -> Exit | None:
    """None where the person says yes."""
    if not sys.stdin.isatty():
        say_aside(f"{name}: cancel asks before it acts · a terminal was expected · pass --yes")
        return Exit.USAGE
    print("cancel it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return None
    say_aside("nothing was done")
    return Exit.FAILED
