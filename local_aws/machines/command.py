"""The command machine."""

from __future__ import annotations

import argparse
import urllib.parse
from typing import Any

from local_aws.faults.client import ask_control
from local_aws.home import Home, LocalAwsError
from local_aws.machines.troubles import Trouble

MACHINES = "/local-aws/machines"
EPILOG = """\
what can befall a machine:
  kill      its processes are killed at once, as on a host that fails; the instance is then stopped
  hang      its processes are frozen: connections are accepted and nothing is answered
  resume    they go on
  break     its ports except SSH refuse every connection and reset those that there are
  mend      they serve again; so they do after a restart

examples:
  python -m local_aws machine i-0123456789abcdef0 hang
  python -m local_aws machine i-0123456789abcdef0 break --in 30
  python -m local_aws machine next break --ami ami-0123456789abcdef0 --count 3
                                           the next three machines of that AMI are never healthy
  python -m local_aws machine next break --group web --in 60
                                           the next one of that group serves at first and then breaks
"""


def add_command(commands: Any, common: argparse.ArgumentParser) -> None:
    """Put it on the command line; `ask` of what is parsed is the function that does it."""
    machine = commands.add_parser(
        "machine",
        parents=[common],
        help="kill, hang or break a machine",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    machine.add_argument("instance_id", metavar="INSTANCE_ID", help="or: next, for the next one launched")
    machine.add_argument("trouble", choices=list(Trouble), metavar="TROUBLE", help=", ".join(Trouble))
    machine.add_argument(
        "--in",
        type=float,
        default=0,
        dest="in_seconds",
        metavar="SECONDS",
        help="so much later; after launch",
    )
    machine.add_argument("--count", type=int, help="next: how many machines (1)")
    machine.add_argument("--ami", dest="ami_id", help="next: only machines of this AMI")
    machine.add_argument("--group", help="next: only machines of this Auto Scaling group")
    machine.set_defaults(ask=_befall)


def _befall(home: Home, given: argparse.Namespace) -> None:
    named = {"count": given.count, "ami_id": given.ami_id, "group": given.group}
    options = {name: value for name, value in named.items() if value is not None}
    if options and given.instance_id != "next":
        raise LocalAwsError(
            f"{', '.join(options)} given with {given.instance_id} · these choose among the next machines · "
            "say next in place of the instance"
        )
    befall(home, given.instance_id, given.trouble, **options, in_seconds=given.in_seconds)


def befall(home: Home, instance_id: str, trouble: str, **options: Any) -> None:
    """Have *trouble* befall the machine of *instance_id*, or of those launched next."""
    path = f"{MACHINES}/{urllib.parse.quote(instance_id, safe='')}/{trouble}"
    ask_control(home, "POST", path, options)
