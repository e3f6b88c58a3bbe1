"""The command: python -m local_aws start|status|stop|reset|env|faults|calls|machine."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import local_aws.faults.command as faults_command
import local_aws.machines.command as machine_command
from local_aws import lifecycle
from local_aws.environment import UNSET, aws_environment
from local_aws.home import DEFAULT_HOME, MACHINES, Home, LocalAwsError, read_home
from local_aws.machines.base_image import ended_by_sigterm

EXAMPLES = """\
examples:
  python -m local_aws start                                    start it, or say where it runs
  eval "$(python -m local_aws env)"                            prepare this shell for it
  python -m local_aws status --json                            its endpoint, generation and machines
  python -m local_aws start --home .local/two --port 0 --network auto
                                                               a second one beside it, wherever there is room
  python -m local_aws start --home .local/large --port 0 --network auto --machines none
                                                               one for large fleets: instances are records
  python -m local_aws faults add --help                        what can be made to go wrong
  python -m local_aws machine --help                           and with machines
  python -m local_aws stop                                     end it with all its machines
  python -m local_aws reset                                    stop, and forget its folder
"""


def say(line: str) -> None:
    """Tell the user what happens."""
    print(f"local aws: {line}", file=sys.stderr, flush=True)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(
        prog="python -m local_aws",
        description="A whole AWS account on this computer: real machines, a real load balancer, no internet.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--home", type=Path, default=DEFAULT_HOME, metavar="DIR", help=f"its folder ({DEFAULT_HOME})"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    start = commands.add_parser("start", parents=[common], help="start it, or say where it runs")
    start.add_argument(
        "--port", type=int, help=f"the API's port ({lifecycle.DEFAULT_PORT}); 0 takes a free one"
    )
    start.add_argument(
        "--network",
        help=f"first three numbers of the machines' addresses ({lifecycle.DEFAULT_NETWORK}); "
        "auto takes a free one",
    )
    start.add_argument(
        "--load-balancer-address",
        metavar="ADDRESS",
        help=f"address of the first load balancer ({lifecycle.DEFAULT_LOAD_BALANCER_ADDRESS}, "
        "or .1 of an automatic network)",
    )
    start.add_argument(
        "--machines",
        choices=MACHINES,
        help="what is behind an instance (podman); none: instances are records and their health is "
        "scripted, so that there can be thousands, without podman and haproxy",
    )
    status = commands.add_parser(
        "status", parents=[common], help="say whether it runs, and with which machines"
    )
    status.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("stop", parents=[common], help="end it with all its machines")
    commands.add_parser("reset", parents=[common], help="stop, and forget everything in its folder")
    commands.add_parser("env", parents=[common], help="print the environment that makes AWS tools use it")
    faults_command.add_commands(commands, common)
    machine_command.add_command(commands, common)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked (status: when it runs)."""
    given = parse(arguments)
    try:
        with ended_by_sigterm():
            return run(given)
    except LocalAwsError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + signal.SIGINT


def run(given: argparse.Namespace) -> int:
    """Do what the command line says."""
    folder: Path = given.home
    if "ask" in given:
        given.ask(_running_home(folder), given)
        return 0
    if given.command == "start":
        wishes = lifecycle.Wishes(
            folder=folder,
            port=given.port,
            network=given.network,
            load_balancer_address=given.load_balancer_address,
            machines=given.machines,
        )
        home = lifecycle.start(wishes, say)
        behind = f"machines in {home.network}.0/24" if home.machines == "podman" else "no machines"
        print(f"local aws: serving {home.endpoint_url} ({behind}, log {home.log_file})")
        return 0
    if given.command == "status":
        return _status(folder, as_json=given.json)
    if given.command == "stop":
        print("local aws: stopped" if lifecycle.stop(folder, say) else "local aws: was not running")
        return 0
    if given.command == "reset":
        lifecycle.reset(folder, say)
        print("local aws: stopped and forgotten")
        return 0
    return _env(folder)


def _status(folder: Path, *, as_json: bool) -> int:
    status = lifecycle.status(folder)
    if as_json:
        print(json.dumps(status, indent=2))
    elif status["state"] == "running":
        records = "" if status["machines_are"] == "podman" else ", instances are records without machines"
        print(f"running at {status['endpoint_url']}, generation {status['generation']}{records}")
        for machine in status["machines"]:
            print("  {instance_id}  {address}  {state}  {ami_id}".format_map(machine))
    else:
        print(f"{status['state']}: `python -m local_aws start` begins with an empty account")
    return 0 if status["state"] == "running" else 1


def _running_home(folder: Path) -> Home:
    home = read_home(folder)
    if home is None or lifecycle.server_process(folder) is None:
        raise LocalAwsError(
            f"the local AWS of {folder} does not run · it was asked something · "
            "run `python -m local_aws start`, or name another one with --home"
        )
    return home


def _env(folder: Path) -> int:
    home = read_home(folder)
    if home is None:
        raise LocalAwsError(
            f"{folder} has no local AWS · its environment was asked for · run `python -m local_aws start`"
        )
    if lifecycle.server_process(folder) is None:
        say("it is not running: `python -m local_aws start` starts it")
    print(f"unset {' '.join(UNSET)}")
    for name, value in aws_environment(home).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
