"""What goes wrong is said, changes nothing that serves, and the next `up` can mend it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import Any

import pytest

from tests.end_to_end.checkout import Checkout, ask, wait_until
from tests.end_to_end.conftest import STACK, living_instances, own_images
from tests.support.killing import NOTHING_LEFT, leftovers, packers_of, signal_tree

PROVISION = "images/web-app/provision/application.sh"


def test_a_provisioner_that_fails_is_named_leaves_nothing_and_is_not_recorded(
    project: Checkout, ec2: Any
) -> None:
    before = project.outputs(STACK)
    images = own_images(ec2)
    script = project.folder / PROVISION
    script.write_text(script.read_text() + "\necho the disk is made of cheese >&2\nexit 7\n")
    project.commit("Break a provisioner")

    printed = project.failing_up(STACK)

    assert "application.sh" in printed
    assert "the disk is made of cheese" in printed
    assert "7" in printed
    assert ".packer-runs/" in printed
    assert leftovers(ec2) == NOTHING_LEFT
    assert own_images(ec2) == images
    assert ask(before["url"])["ami_id"] == before["ami_id"]


@pytest.mark.parametrize("ending", ["interrupted twice", "terminated"])
def test_a_build_that_is_cut_off_leaves_nothing_behind_and_the_next_up_succeeds(
    project: Checkout, ec2: Any, ending: str
) -> None:
    page = project.folder / "images/web-app/app/page.html"
    page.write_text(page.read_text() + f"<!-- {ending} -->\n")
    project.commit("Edit the page")
    serving, images = living_instances(ec2), own_images(ec2)

    with project.start("pulumi", "up", "--yes", "--stack", STACK) as process:
        wait_until(lambda: bool(living_instances(ec2) - serving), "Packer launches its instance")
        if ending == "interrupted twice":
            interrupt_until_ended(process)
        else:
            signal_tree(process.pid, signal.SIGTERM)
        process.communicate(timeout=300)

    assert process.returncode != 0
    wait_until(lambda: leftovers(ec2) == NOTHING_LEFT, "nothing temporary is left", timeout_seconds=180)
    wait_until(lambda: packers_of(project.folder) == [], "Packer is gone")
    assert own_images(ec2) == images
    project.run("pulumi", "cancel", "--yes", "--stack", STACK)
    project.up(STACK)
    outputs = project.outputs(STACK)
    assert ask(outputs["url"])["ami_id"] == outputs["ami_id"]


def interrupt_until_ended(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, again and again, as a person does whom the first one does not help."""
    while process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
