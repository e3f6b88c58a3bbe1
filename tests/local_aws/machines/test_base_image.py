"""Making the base image leaves nothing behind, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws.machines.base_image import remove_stale_work
from tests.support.local_aws import wait_until

PROJECT = Path(__file__).parents[3]
# Runs a command that takes long and notes its end, as mmdebstrap would be run.
MAKER = """
import sys
from pathlib import Path
from local_aws.machines.base_image import _run_to_the_end, ended_by_sigterm
folder = Path(sys.argv[1])
script = "trap 'touch " + str(folder) + "/ended; exit 1' TERM; echo begun; while :; do sleep 0.05; done"
print("ready", flush=True)
with ended_by_sigterm():
    _run_to_the_end(["sh", "-c", script], folder)
"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_command_that_makes_it_is_ended_when_the_maker_ends(tmp_path: Path, number: int) -> None:
    maker = subprocess.Popen(
        [sys.executable, "-c", MAKER, str(tmp_path)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with maker:
        wait_for_text(tmp_path / "messages", "begun")
        maker.send_signal(number)
        assert maker.wait() != 0

    wait_for_text(tmp_path / "ended", "")


def wait_for_text(path: Path, text: str) -> None:
    """Return when *path* is there and has *text*."""
    wait_until(lambda: path.exists() and text in path.read_text(), f"{path} has {text!r}")


def test_work_of_a_killed_maker_is_removed_unless_something_is_mounted_in_it(tmp_path: Path) -> None:
    names = ("local-aws-base-image-1", "local-aws-base-image-2", "x")
    stale, mounted, other = (tmp_path / name for name in names)
    for folder in (stale, mounted, other):
        folder.mkdir()

    remove_stale_work(tmp_path, f"proc {mounted}/root/proc proc ro 0 0\n")

    assert not stale.exists()
    assert mounted.exists()
    assert other.exists()
