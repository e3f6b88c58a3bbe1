"""What every command has: options, exit codes, and errors of one line."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.rollout.account import Account


class Exit(IntEnum):
    """How a command ended, for scripts."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    RUNNING = 3
    ASTRAY = 4
    INTERRUPTED = 130


FOLLOWING_EXIT_CODES = """\
  1    failed or refused; a line on standard error says what
  2    wrong usage
  4    {}
  130  interrupted; the refresh goes on"""


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Where AWS is asked, and how the answer is printed."""
    parser.add_argument(
        "--region", help="AWS region (default: AWS_REGION, AWS_DEFAULT_REGION or the profile's)"
    )
    parser.add_argument("--profile", help="profile of the AWS configuration files (default: AWS_PROFILE)")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def add_group(parser: argparse.ArgumentParser, *, is_optional: bool = False) -> None:
    """The group that is meant."""
    parser.add_argument(
        "group",
        metavar="GROUP",
        nargs="?" if is_optional else None,
        help="name of the Auto Scaling group, or a part of it that no other name has",
    )


def add_no_wait(parser: argparse.ArgumentParser) -> None:
    """For scripts that have better to do."""
    parser.add_argument("--no-wait", action="store_true", help="do not wait until it has ended")


def open_account(options: argparse.Namespace, seconds: float | None = None) -> Account:
    """The account that is asked; outages of so many seconds are waited out, and said on standard error."""
    from infra.rollout.account import Account
    from infra.rollout.patience import PATIENCE_SECONDS, Patience

    patience = Patience(seconds=PATIENCE_SECONDS if seconds is None else seconds, say=say_aside)
    return Account(region=options.region, profile=options.profile, patience=patience)


def repeated_options(options: argparse.Namespace) -> str:
    """The options that a command which is proposed has to have, too."""
    given = {"--region": options.region, "--profile": options.profile}
    return "".join(f" {name} {shlex.quote(value)}" for name, value in given.items() if value)


def run_command(command: Callable[[argparse.Namespace], Exit], options: argparse.Namespace) -> Exit:
    """Run *command*; what goes wrong is one line on standard error."""
    from infra.rollout.aws_errors import AWS_ERRORS, explain
    from infra.rollout.errors import RolloutError

    try:
        return command(options)
    except RolloutError as error:
        say_aside(str(error))
    except AWS_ERRORS as error:
        name = f"python -m infra.rollout {options.command}"
        groups = options.group or "the Auto Scaling groups"
        say_aside(explain(error, groups, "a refresh that is under way goes on", command=name))
    except KeyboardInterrupt:
        say_aside("interrupted · a refresh that was started goes on · python -m infra.rollout status tells")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has read enough; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.FAILED


def say(line: str) -> None:
    """Say *line* at once."""
    print(line, flush=True)


def say_aside(line: str) -> None:
    """Say *line* where it does not mix with an answer."""
    print(line, file=sys.stderr, flush=True)


def print_json(answer: Any) -> None:
    """Print *answer* for programs."""
    say(json.dumps(answer, indent=2))
