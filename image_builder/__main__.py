"""`python -m image_builder COMMAND`: the images of this account, asked and looked after."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from image_builder.commands import (
    copy,
    diff,
    explain,
    list_images,
    lock,
    prune,
    reap,
    report,
    restore,
    revoke,
    show,
    status,
)
from image_builder.commands.common import EXIT_CODES, add_common_options, run_command

COMMANDS = {
    "copy": copy,
    "diff": diff,
    "explain": explain,
    "list": list_images,
    "lock": lock,
    "prune": prune,
    "reap": reap,
    "report": report,
    "restore": restore,
    "revoke": revoke,
    "show": show,
    "status": status,
}


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m image_builder",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=f"{module.EXAMPLES}\n\n{EXIT_CODES}",
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
