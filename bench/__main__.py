"""The command: python -m bench [build] [update] [fingerprint] [rollout]."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence

from bench import build, fingerprint, rollout, update
from bench.measure import Result, table
from local_aws.home import LocalAwsError
from tools.toolchain import ToolchainError

BENCHES: dict[str, tuple[Callable[[int, Callable[[str], None]], Result | str], int]] = {
    "fingerprint": (fingerprint.run, 5),
    "update": (update.run, 5),
    "build": (build.run, 3),
    "rollout": (rollout.run, 1),
}
DESCRIPTION = """\
What this project costs, as ratios to the plainest way of doing the same; both are timed now, in turns.

  fingerprint  of 10,000 files (1 GiB), against sha256sum
  update       pulumi up of the stack with nothing to change, against an empty Python program
  build        of images/web-app by PackerImage, against packer build
  rollout      of 10, 100 and 1,000 instances (records): its calls, and our run against the refresh itself

All but the first start a local AWS of their own and end it.
"""


def say(line: str) -> None:
    """Tell what happens; the tables alone go to standard output."""
    print(f"bench: {line}", file=sys.stderr, flush=True)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHES)}; all when none is given"
    )
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="how often each way is timed (5; build: 3; rollout: 1)"
    )
    given = parser.parse_args(arguments)
    for name in given.names:
        if name not in BENCHES:
            parser.error(f"there is no bench {name!r}; there are {', '.join(BENCHES)}")
    if given.rounds is not None and given.rounds < 1:
        parser.error(f"--rounds {given.rounds}: one round or more was expected")
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benches asked for; print a table of each."""
    given = parse(arguments)
    began = time.monotonic()
    try:
        for name in given.names or BENCHES:
            run, rounds = BENCHES[name]
            result = run(given.rounds or rounds, say)
            print(result if isinstance(result, str) else table(result), end="\n\n", flush=True)
    except (LocalAwsError, ToolchainError, RuntimeError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; what it started is gone", file=sys.stderr)
        return 130
    say(f"took {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what runs is cleaned up then, too
    sys.exit(main())
