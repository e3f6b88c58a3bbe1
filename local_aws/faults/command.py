"""The commands faults and calls."""

from __future__ import annotations

import argparse
import json
import urllib.parse
from typing import Any

from local_aws.faults.client import ask_control
from local_aws.faults.control import CALLS, FAULTS
from local_aws.faults.fault import KINDS, Fault
from local_aws.home import Home

KINDS_TEXT = "\n".join(f"  {kind:20} {meaning}" for kind, meaning in KINDS.items())
ADD_EPILOG = f"""\
kinds:
{KINDS_TEXT}

examples:
  python -m local_aws faults add '*' throttling --seconds 20
                                             20 s in which every call is refused
  python -m local_aws faults add ec2:RunInstances server-error --count 2
                                             the next two launches fail
  python -m local_aws faults add 'ec2:Describe*' dropped --user-agent packer --seconds 60
                                             Packer's reads get no answer for a minute; boto3's do
  python -m local_aws faults add autoscaling:StartInstanceRefresh dropped-after --count 1
                                             the refresh starts, but its caller does not learn so
"""
CALLS_EPILOG = """\
examples:
  python -m local_aws calls                            every call, and how it ended
  python -m local_aws calls 'autoscaling:*' --json     those of Auto Scaling, for programs
  python -m local_aws calls --since 1200               those after the one numbered 1200
"""


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Put them on the command line; `ask` of what is parsed is the function that does one."""
    faults = commands.add_parser("faults", help="put faults into the API and take them out")
    deeds = faults.add_subparsers(dest="deed", required=True, metavar="DEED")
    add = deeds.add_parser(
        "add",
        parents=[common],
        help="put one in",
        epilog=ADD_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add.add_argument(
        "action", help="SERVICE:ACTION, with * for any: ec2:RunInstances, 'autoscaling:Describe*'"
    )
    add.add_argument("kind", choices=KINDS, metavar="KIND", help=f"one of {', '.join(KINDS)}")
    add.add_argument("--count", type=int, metavar="N", help="how many calls it meets (all)")
    add.add_argument(
        "--after", type=int, default=0, metavar="N", help="how many calls it lets pass first (0)"
    )
    add.add_argument("--seconds", type=float, metavar="N", help="how long it is in force (until cleared)")
    add.add_argument("--user-agent", metavar="TEXT", help="meets only callers with this in their user agent")
    add.set_defaults(ask=_add)
    shown = deeds.add_parser("list", parents=[common], help="show them, and how many calls each has met")
    shown.add_argument("--json", action="store_true", help="for programs")
    shown.set_defaults(ask=_list)
    release = deeds.add_parser("release", parents=[common], help="end one: the calls that it holds go on")
    release.add_argument("fault_id", metavar="FAULT")
    release.set_defaults(ask=_release)
    deeds.add_parser("clear", parents=[common], help="end all").set_defaults(ask=_clear)
    calls = commands.add_parser(
        "calls",
        parents=[common],
        help="show the calls to the API",
        epilog=CALLS_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    calls.add_argument("action", nargs="?", default="*", help="SERVICE:ACTION, with * for any (*)")
    calls.add_argument("--since", type=int, default=0, metavar="SEQUENCE", help="only those after this one")
    calls.add_argument("--json", action="store_true", help="for programs")
    calls.set_defaults(ask=_calls)


def _add(home: Home, given: argparse.Namespace) -> None:
    fault = Fault(
        action=given.action,
        kind=given.kind,
        count=given.count,
        after=given.after,
        seconds=given.seconds,
        user_agent=given.user_agent,
    )
    print(ask_control(home, "POST", FAULTS, fault.to_json())["fault_id"])


def _list(home: Home, given: argparse.Namespace) -> None:
    faults = ask_control(home, "GET", FAULTS)
    if given.json:
        print(json.dumps(faults, indent=2))
        return
    for fault in faults:
        print(fault_line(fault))


def _release(home: Home, given: argparse.Namespace) -> None:
    ask_control(home, "POST", f"{FAULTS}/{urllib.parse.quote(given.fault_id, safe='')}/release")


def _clear(home: Home, _: argparse.Namespace) -> None:
    ask_control(home, "DELETE", FAULTS)


def _calls(home: Home, given: argparse.Namespace) -> None:
    query = urllib.parse.urlencode({"action": given.action, "since": given.since})
    calls = ask_control(home, "GET", f"{CALLS}?{query}")
    if given.json:
        print(json.dumps(calls, indent=2))
        return
    for call in calls:
        print(call_line(call))


def fault_line(fault: dict[str, Any]) -> str:
    """`fault-2  over  3 hits  ec2:RunInstances dropped count=3`"""
    options = [f"{name}={fault[name]}" for name in ("count", "after", "seconds", "user_agent") if fault[name]]
    state = "over" if fault["is_over"] else "in force"
    return "  ".join(
        (fault["fault_id"], state, f"{fault['hits']} hits", fault["action"], fault["kind"], *options)
    )


def call_line(call: dict[str, Any]) -> str:
    """`17  09:30:01.250  ec2:RunInstances  200  0.03 s  Boto3/1.44.5`"""
    if call["is_under_way"]:
        ending = "under way"
    else:
        status = " ".join(str(part) for part in (call["status"] or "no answer", call["error_code"]) if part)
        ending = f"{status}  {call['seconds']:.2f} s"
    fault = f"{call['fault_id']} {call['kind']}{'' if call['served'] else ', not served'}"
    parts = [str(call["sequence"]), call["time"][11:23], call["action"], ending]
    return "  ".join([*parts, *([fault] if call["fault_id"] else []), call["user_agent"].split(" ")[0]])
