"""`watch`: the running refresh, to its end."""

from __future__ import annotations

import argparse
import json
import math
from typing import TYPE_CHECKING

from infra.rollout.commands.common import (
    FOLLOWING_EXIT_CODES,
    Exit,
    add_group,
    open_account,
    repeated_options,
    say,
    say_aside,
)

if TYPE_CHECKING:
    from infra.rollout.account import Account
    from infra.rollout.values import Refresh

HELP = "follow the running refresh of a group to its end"
DESCRIPTION = """\
Prints a line when something changes, until the refresh has ended, and its end. Ctrl-C ends the watching
alone. Where none is running, tells how the last one ended. Changes nothing."""
EXAMPLES = """examples:
  follow a rollout that somebody else began:
    python -m infra.rollout watch web-prod
  page somebody if it does not end well:
    python -m infra.rollout watch web-prod || page-somebody

with --json, a line with an object for each change: at, line, and those of a refresh: refresh_id, status,
  reason, percentage_complete, instances_to_update, launch_template_version, started_at, ended_at"""
EXIT_CODES = "exit codes:\n  0    the refresh, or the last one, ended Successful\n" + (
    FOLLOWING_EXIT_CODES.format("it ended otherwise")
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command alone."""
    add_group(parser)


def run(options: argparse.Namespace) -> Exit:
    """Follow."""
    from infra.rollout.looking import find_name

    account = open_account(options, math.inf)
    name = find_name(account, options.group)
    newest = account.find_newest(name)
    if newest and newest.is_running:
        return follow(account, name, newest, options, hoped_for="Successful")
    tell_end(name, newest, options)
    return Exit.DONE if newest is None or newest.status == "Successful" else Exit.ASTRAY


def follow(
    account: Account, name: str, running: Refresh, options: argparse.Namespace, *, hoped_for: str
) -> Exit:
    """Tell each change of *running* until it has ended; Ctrl-C leaves it alone."""
    from infra.rollout.advice import describe_ended
    from infra.rollout.watching import watch

    try:
        watched = watch(account, name, running, is_json=options.json)
    except KeyboardInterrupt:
        command = f"python -m infra.rollout watch {name}{repeated_options(options)}"
        say_aside(f"no longer watching · refresh {running.refresh_id} of {name} goes on · {command}")
        return Exit.INTERRUPTED
    if not options.json:
        say(f"{name}: {describe_ended(watched.refresh)}{watched.evidence}")
    elif watched.evidence:
        say_aside(f"{name}{watched.evidence}")
    return Exit.DONE if watched.refresh.status == hoped_for else Exit.ASTRAY


def tell_now(account: Account, name: str, running: Refresh, options: argparse.Namespace) -> None:
    """Tell how far *running*, which is not waited for, is now."""
    from infra.rollout.situation import plain_refresh
    from infra.rollout.wording import describe_progress

    refresh = account.find(name, running.refresh_id) or running
    line = f"{name}: refresh {refresh.refresh_id} is {describe_progress(refresh)}"
    say(json.dumps({"line": line, **plain_refresh(refresh)}) if options.json else line)


def tell_end(name: str, last: Refresh | None, options: argparse.Namespace) -> None:
    """Tell that no refresh is running, and how the last one ended."""
    from infra.rollout.advice import describe_nothing_runs
    from infra.rollout.situation import plain_refresh

    line = describe_nothing_runs(name, last)
    if options.json:
        say(json.dumps({"line": line, **(plain_refresh(last) if last else {})}))
    else:
        say(line)
