"""`python -m infra.rollout COMMAND GROUP`: a rollout by hand, for the person who is paged."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from infra.rollout.commands import cancel, rollback, status, watch
from infra.rollout.commands.common import add_common_options, run_command

COMMANDS = {"status": status, "watch": watch, "cancel": cancel, "rollback": rollback}


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.rollout",
        description=__doc__,
        epilog="What its exit codes mean, a command's --help says.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=f"{module.EXAMPLES}\n\n{module.EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_options(command)
        add_common_options(command)
        command.set_defaults(perform=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = build_parser().parse_args(arguments)
    return run_command(options.perform, options)


if __name__ == "__main__":
    sys.exit(main())
