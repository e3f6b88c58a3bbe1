"""Promises of tools/pulumi_state.py and of what tools/local_stack.py says."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tools.local_stack import describe_outputs
from tools.pulumi_state import (
    describes_lost_account,
    find_dead_locks,
    find_stacks,
    read_generation,
    remove_state,
    write_generation,
)


def add_stack(backend: Path, name: str) -> None:
    folder = backend / ".pulumi/stacks/immutable-machines"
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in (".json", ".json.attrs", ".json.bak"):
        (folder / f"{name}{suffix}").write_text("{}")


def add_lock(backend: Path, stack: str, process: int, host: str) -> Path:
    folder = backend / ".pulumi/locks/organization/immutable-machines" / stack
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{process}.json"
    file.write_text(json.dumps({"pid": process, "username": "x", "hostname": host, "timestamp": ""}))
    return file


@pytest.mark.parametrize(
    ("recorded", "stacks", "expected"),
    [
        ("1", ["local"], False),
        ("0", ["local"], True),
        (None, ["local"], True),
        (None, [], False),
        ("0", [], False),
    ],
)
def test_state_of_another_generation_speaks_of_a_lost_account(
    recorded: str | None, stacks: list[str], expected: bool
) -> None:
    assert describes_lost_account(recorded, "1", stacks) is expected


def test_remembers_the_generation(tmp_path: Path) -> None:
    assert read_generation(tmp_path / "pulumi") is None

    write_generation(tmp_path / "pulumi", "abc")

    assert read_generation(tmp_path / "pulumi") == "abc"


def test_finds_the_stacks_and_removes_all_of_them(tmp_path: Path) -> None:
    backend = tmp_path / "pulumi"
    add_stack(backend, "local")
    add_stack(backend, "dev")

    assert find_stacks(backend) == ["dev", "local"]
    remove_state(backend)
    assert find_stacks(backend) == []
    assert list(tmp_path.iterdir()) == []
    remove_state(backend)


def test_only_the_lock_of_a_dead_pulumi_of_this_machine_and_stack_is_dead(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    dead = add_lock(tmp_path, "local", gone.pid, socket.gethostname())
    add_lock(tmp_path, "local", os.getpid(), socket.gethostname())
    add_lock(tmp_path, "local", gone.pid, "another-host").rename(dead.with_name("other.json"))
    dead.write_text(json.dumps({"pid": gone.pid, "hostname": socket.gethostname()}))
    add_lock(tmp_path, "dev", gone.pid, socket.gethostname())
    (dead.parent / "garbage.json").write_text("{")

    assert find_dead_locks(tmp_path, "local") == [dead]


def test_tells_where_the_page_is_and_which_image_answers() -> None:
    text = describe_outputs(
        {"url": "http://127.0.0.1:8080/", "ami_id": "ami-1", "fingerprint": "f00", "git_commit": "4e5f6a7"}
    )

    for expected in ("http://127.0.0.1:8080/", "ami-1", "f00", "4e5f6a7", "make down"):
        assert expected in text
