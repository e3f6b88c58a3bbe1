"""Promises of tools/fresh_machine/go_tools.py and virtual_environment.py that need no build."""

import sys
from pathlib import Path

import pytest

from tools.fresh_machine.go_tools import new_folder
from tools.fresh_machine.virtual_environment import DIGEST_FILE, expected_digest, is_ready


def test_a_folder_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    final = tmp_path / "packer-1.15.0"

    with new_folder(final) as folder:
        (folder / "packer").touch()
        assert not final.exists()

    assert [file.name for file in final.iterdir()] == ["packer"]
    assert list(tmp_path.iterdir()) == [final]


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    final = tmp_path / "packer-1.15.0"

    def build() -> None:
        with new_folder(final) as folder:
            (folder / "packer").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build()

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_build_left_is_not_used(tmp_path: Path) -> None:
    final = tmp_path / "packer-1.15.0"
    (tmp_path / ".packer-1.15.0.unfinished").mkdir()
    (tmp_path / ".packer-1.15.0.unfinished" / "half").touch()

    with new_folder(final) as folder:
        (folder / "packer").touch()

    assert [file.name for file in final.iterdir()] == ["packer"]


def test_packages_are_installed_anew_when_their_pins_or_the_python_change(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("pulumi==3.272.0\n")
    python = tmp_path / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.touch()
    digest = tmp_path / "venv" / DIGEST_FILE

    assert not is_ready(tmp_path / "venv", requirements)
    digest.write_text(expected_digest(requirements.read_bytes(), sys.version))
    assert is_ready(tmp_path / "venv", requirements)
    digest.write_text(expected_digest(requirements.read_bytes(), "3.10"))
    assert not is_ready(tmp_path / "venv", requirements)
    digest.write_text(expected_digest(b"pulumi==3.271.0\n", sys.version))
    assert not is_ready(tmp_path / "venv", requirements)
