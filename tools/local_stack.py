"""Behind `make up`, `make down`, `make preview` and `make env`: the stack `local` on the local AWS.

`make tool-env` is here too: the tools alone, for a real account.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from local_aws.home import LocalAwsError
from local_aws.lifecycle import server_process
from tools import pulumi_state
from tools.child_process import run_to_its_end
from tools.local_environment import (
    LOCAL_AWS_HOME,
    LOCAL_BACKEND,
    export_lines,
    local_environment,
    local_variables,
    read_local_home,
    real_variables,
    shell_lines,
)
from tools.toolchain import ROOT, ToolchainError, read_toolchain
from tools.versions import VersionError

__all__ = ["local_environment", "main"]

STACK = "local"
# Options of `python -m local_aws start`, for a second checkout: "--port 0 --network auto"
OPTIONS_VARIABLE = "LOCAL_AWS_OPTIONS"


class StackError(Exception):
    """A command on the local stack failed; it has already said why."""


def say(line: str) -> None:
    """Tell the user what happens."""
    print(line, flush=True)


def run_local_aws(*arguments: str) -> int:
    """Run the local AWS's own command line; return its exit status."""
    command = [sys.executable, "-m", "local_aws", *arguments, "--home", str(LOCAL_AWS_HOME)]
    return run_to_its_end(command, ROOT, os.environ)


def read_local_aws_status() -> dict[str, Any]:
    """Return what the local AWS says about itself; empty where it says nothing."""
    command = [sys.executable, "-m", "local_aws", "status", "--json", "--home", str(LOCAL_AWS_HOME)]
    printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False).stdout
    return dict(json.loads(printed)) if printed.strip() else {}


def run_pulumi(*arguments: str, environment: Mapping[str, str]) -> None:
    """Run pulumi with its output shown; raise StackError when it fails."""
    status = run_to_its_end(["pulumi", *arguments], ROOT, environment)
    if status != 0:
        raise StackError(f"`pulumi {' '.join(arguments[:2])}` ended with exit status {status}")


def prepare() -> dict[str, str]:
    """Start the local AWS, make the state fit it, and return the environment in which pulumi works on it."""
    if run_local_aws("start", *shlex.split(os.environ.get(OPTIONS_VARIABLE, ""))) != 0:
        raise StackError(
            "the local AWS did not start, and said why · where another checkout's has its port or network: "
            f'make up {OPTIONS_VARIABLE}="--port 0 --network auto"'
        )
    generation = read_local_aws_status().get("generation")
    if generation is None:
        raise StackError("the local AWS runs and does not answer · run make down, then this again")
    stacks = pulumi_state.find_stacks(LOCAL_BACKEND)
    if pulumi_state.describes_lost_account(pulumi_state.read_generation(LOCAL_BACKEND), generation, stacks):
        say(
            f"local stack: the local AWS began anew, so what the state of {', '.join(stacks)} lists is gone; "
            "beginning with an empty state"
        )
        pulumi_state.remove_state(LOCAL_BACKEND)
    pulumi_state.write_generation(LOCAL_BACKEND, generation)
    environment = local_environment()
    if STACK not in pulumi_state.find_stacks(LOCAL_BACKEND):
        run_pulumi("stack", "init", STACK, "--no-select", environment=environment)
    for lock in pulumi_state.find_dead_locks(LOCAL_BACKEND, STACK):
        say(f"local stack: removing the lock of a pulumi that was killed ({lock.name})")
        lock.unlink(missing_ok=True)
    return environment


def describe_outputs(outputs: Mapping[str, Any]) -> str:
    """Return what the user wants to see after `make up`, and what can be done next."""
    url = str(outputs.get("url", ""))
    named = {
        "url": url,
        "AMI": outputs.get("ami_id", ""),
        "fingerprint": outputs.get("fingerprint", ""),
        "commit": outputs.get("git_commit", ""),
    }
    lines = [f"  {name.ljust(12)} {value}" for name, value in named.items()]
    return "\n".join(
        [
            "",
            *lines,
            "",
            "Next:",
            f"  curl {url}",
            "  edit a file in images/web-app/app, then: make preview, make up",
            '  eval "$(make -s env)"   and pulumi, packer and aws work on the local AWS in this shell',
            "  make down               removes the stack and ends everything it started",
        ]
    )


def up() -> None:
    """Bring the local stack up, and say where it answers."""
    began = time.monotonic()
    environment = prepare()
    run_pulumi("up", "--yes", "--stack", STACK, environment=environment)
    printed = subprocess.run(
        ["pulumi", "stack", "output", "--json", "--stack", STACK],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    say(describe_outputs(json.loads(printed)))
    say(f"\nmake up took {time.monotonic() - began:.0f} s after set-up")


def preview() -> None:
    """Say what `up` would do."""
    run_pulumi("preview", "--stack", STACK, environment=prepare())


def down() -> None:
    """Destroy the local stack and end the local AWS, whatever of them there is."""
    failure: StackError | None = None
    is_local_aws_running = read_local_aws_status().get("state") == "running"
    if is_local_aws_running and STACK in pulumi_state.find_stacks(LOCAL_BACKEND):
        try:
            environment = prepare()
            run_pulumi("destroy", "--yes", "--stack", STACK, environment=environment)
            run_pulumi("stack", "rm", STACK, "--yes", "--preserve-config", environment=environment)
        except StackError as error:
            failure = error
    if run_local_aws("stop") != 0:
        raise StackError("the local AWS did not stop")
    # With the local AWS every resource is gone, also those of other stacks.
    pulumi_state.remove_state(LOCAL_BACKEND)
    if failure is not None:
        raise StackError(
            f"{failure}; all the same, everything it would have removed ended with the local AWS"
        )
    say("local stack: down")


def print_environment() -> None:
    """Print the lines for `eval "$(make -s env)"`."""
    home = read_local_home()
    if server_process(LOCAL_AWS_HOME) is None:
        print("local stack: the local AWS does not run: `make up` starts it", file=sys.stderr)
    print(shell_lines(local_variables(home, LOCAL_BACKEND, os.environ)))


def print_tool_environment() -> None:
    """Print the lines for `eval "$(make -s tool-env)"`, which have nothing of a local run in them."""
    print(export_lines(real_variables(read_toolchain(), os.environ.get("PATH", ""))))


COMMANDS = {
    "up": up,
    "preview": preview,
    "down": down,
    "env": print_environment,
    "tool-env": print_tool_environment,
}


def main() -> int:
    """Run one command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.local_stack", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    arguments = parser.parse_args()
    try:
        COMMANDS[arguments.command]()
    except (StackError, ToolchainError, VersionError, LocalAwsError) as error:
        print(f"local stack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("local stack: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
