"""One build of a fingerprint at a time, whoever has it in hand."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from image_builder.building.build_lock import is_being_built, only_builder
from image_builder.building.run_folder import RUNS
from image_builder.errors import PackerError
from tests.image_builder.templates import inputs_of, write_image

SECONDS = 30
REST = "import sys; sys.stdin.read()"


def test_a_second_build_of_a_fingerprint_waits_for_the_end_of_the_first_and_says_so_once(
    tmp_path: Path,
) -> None:
    inputs = inputs_of(write_image(tmp_path / "tiny"))
    said: list[str] = []
    has_said, is_in = threading.Event(), threading.Event()

    def say(line: str) -> None:
        said.append(line)
        has_said.set()

    def second() -> None:
        with only_builder(tmp_path, inputs, say):
            is_in.set()

    thread = threading.Thread(target=second)
    with only_builder(tmp_path, inputs, said.append):
        thread.start()
        assert has_said.wait(SECONDS)
        assert not is_in.is_set()
    assert is_in.wait(SECONDS)
    thread.join()

    assert said == [f"another build of {inputs.ami_name} is under way in this folder: waiting for its end"]
    assert list((tmp_path / RUNS).iterdir()) == []


def test_builds_of_two_fingerprints_do_not_wait_for_each_other(tmp_path: Path) -> None:
    one = inputs_of(write_image(tmp_path / "one"))
    other = inputs_of(write_image(tmp_path / "two"), family="other")

    assert not is_being_built(tmp_path, one)
    with only_builder(tmp_path, one, print):
        assert (is_being_built(tmp_path, one), is_being_built(tmp_path, other)) == (True, False)
        with only_builder(tmp_path, other, print):
            assert len(list((tmp_path / RUNS).iterdir())) == 2


def test_the_lock_is_kept_by_a_child_that_has_it_and_free_when_that_is_killed(tmp_path: Path) -> None:
    inputs = inputs_of(write_image(tmp_path / "tiny"), build_timeout_minutes=0.01)
    with only_builder(tmp_path, inputs, print) as lock:
        child = subprocess.Popen([sys.executable, "-c", REST], stdin=subprocess.PIPE, pass_fds=[lock])
        # As when the one who had it is killed: nothing is tidied up.
        (held,) = (tmp_path / RUNS).iterdir()
        held.rename(tmp_path / "held")
    (tmp_path / "held").rename(held)

    late = pytest.raises(PackerError, match=r"has not ended in 0\.01 min .* it holds")
    with late, only_builder(tmp_path, inputs, print):
        pass
    child.kill()
    child.communicate()
    with only_builder(tmp_path, inputs, print):
        pass
