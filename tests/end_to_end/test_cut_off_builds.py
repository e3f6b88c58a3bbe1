"""A build that is cut off cleans up after itself, and the next `up` makes the image."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import Any

import pytest

from tests.end_to_end.checkout import Checkout, ask, wait_until
from tests.end_to_end.conftest import TINY_STACK, living_instances, own_images
from tests.end_to_end.tiny import commit_release
from tests.support.killing import NOTHING_LEFT, leftovers, packers_of, signal_tree


@pytest.mark.parametrize("ending", ["interrupted twice", "terminated"])
def test_a_build_that_is_cut_off_leaves_nothing_behind_and_the_next_up_succeeds(
    tiny: Checkout, ec2: Any, ending: str
) -> None:
    commit_release(tiny, ending)
    serving, images = living_instances(ec2), own_images(ec2)

    with tiny.start("pulumi", "up", "--yes", "--stack", TINY_STACK) as process:
        wait_until(lambda: bool(living_instances(ec2) - serving), "Packer launches its instance")
        if ending == "interrupted twice":
            interrupt_until_ended(process)
        else:
            signal_tree(process.pid, signal.SIGTERM)
        process.communicate(timeout=300)

    assert process.returncode != 0
    wait_until(lambda: leftovers(ec2) == NOTHING_LEFT, "nothing temporary is left", timeout_seconds=180)
    wait_until(lambda: packers_of(tiny.folder) == [], "Packer is gone")
    assert own_images(ec2) == images
    tiny.run("pulumi", "cancel", "--yes", "--stack", TINY_STACK)
    tiny.up(TINY_STACK)
    outputs = tiny.outputs(TINY_STACK)
    assert ask(outputs["url"])["ami_id"] == outputs["ami_id"]


def interrupt_until_ended(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, again and again, as a person does whom the first one does not help."""
    while process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
