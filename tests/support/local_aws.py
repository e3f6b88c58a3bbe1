"""A local AWS of a test's own: started beside any other, and gone afterwards with everything it started."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from local_aws import lifecycle
from local_aws.environment import UNSET, aws_environment
from local_aws.home import Home
from tests.support.clients import local_client

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


@contextlib.contextmanager
def running_local_aws(folder: Path, *, machines: str = "podman") -> Iterator[Home]:
    """A local AWS with its home in *folder*, on free ports and addresses; ended and forgotten on leaving.

    It ends with this process too, so that a run of tests that is killed leaves no machine behind.
    """

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        yield lifecycle.start(
            lifecycle.Wishes(folder=folder, port=0, network="auto", machines=machines, owner=os.getpid()),
            say,
        )
    except BaseException:
        with contextlib.suppress(OSError):
            say((folder / "server.log").read_text()[-10_000:])
        raise
    finally:
        lifecycle.reset(folder, say)


def process_environment(home: Home) -> dict[str, str]:
    """This process's environment, changed so that a child process uses *home*."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**kept, **aws_environment(home)}


def ec2_client(home: Home) -> EC2Client:
    """A client of *home*'s EC2."""
    client: EC2Client = local_client(home.endpoint_url, "ec2")
    return client


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Return when *condition* holds, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
