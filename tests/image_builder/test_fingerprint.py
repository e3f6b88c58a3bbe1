"""What is, and what is not, part of an image's identity."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_builder.errors import ImageFolderError
from image_builder.fingerprint import (
    canonical,
    changed_files,
    digest_files,
    fingerprint_of,
    list_files,
)

NAMES = st.text("abcXYZ 01é._-", min_size=1, max_size=8).filter(
    lambda name: name.strip(". ") and "~" not in name
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.tuples(st.binary(max_size=50), st.booleans()), min_size=1, max_size=8)
slow = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def write(folder: Path, files: dict[str, tuple[bytes, bool]]) -> dict[str, tuple[bytes, bool]]:
    """Those of *files* that fit beside each other, written."""
    written = {}
    for path, (content, is_executable) in files.items():
        file = folder / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            continue
        file.chmod(0o755 if is_executable else 0o644)
        written[path] = (content, is_executable)
    return written


def of(folder: Path) -> str:
    return fingerprint_of(digest_files(folder), {}, "family")


@slow
@given(files=FILES)
def test_order_times_other_permissions_and_location_do_not_matter(
    files: dict[str, tuple[bytes, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        written = write(Path(one) / "images", files)
        write(Path(other), dict(reversed(written.items())))
        for file in filter(Path.is_file, Path(other).rglob("*")):
            os.utime(file, (1, 1))
            file.chmod(file.stat().st_mode & 0o700)

        assert of(Path(one) / "images") == of(Path(other))


@slow
@given(files=FILES, data=st.data())
def test_every_byte_path_and_exec_bit_matters(
    files: dict[str, tuple[bytes, bool]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = write(folder, files)
        before = of(folder)
        path = data.draw(st.sampled_from(sorted(written)))
        content, is_executable = written[path]
        change = data.draw(st.sampled_from(["byte", "end", "mode", "path", "gone"]))
        file = folder / path

        if change == "byte" and content:
            position = data.draw(st.integers(0, len(content) - 1))
            file.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        elif change in ("byte", "end"):
            file.write_bytes(content + b"\0")
        elif change == "mode":
            file.chmod(0o644 if is_executable else 0o755)
        elif change == "path":
            file.rename(file.with_name(f"{file.name}2q"))
        else:
            file.unlink()

        assert of(folder) != before


@given(
    one=st.dictionaries(st.text(), st.text(), max_size=3),
    other=st.dictionaries(st.text(), st.text(), max_size=3),
)
def test_digests_and_variables_cannot_be_taken_for_one_another(
    one: dict[str, str], other: dict[str, str]
) -> None:
    same = fingerprint_of(one, other, "f") == fingerprint_of(other, one, "f")

    assert same == (one == other)


def test_family_and_variables_matter(tmp_path: Path) -> None:
    tmp_path.joinpath("a").write_text("a")
    digests = digest_files(tmp_path)

    fingerprints = {
        fingerprint_of(digests, {}, "web"),
        fingerprint_of(digests, {}, "worker"),
        fingerprint_of(digests, {"size": "1"}, "web"),
        fingerprint_of(digests, {"size": 1}, "web"),
        fingerprint_of(digests, {"size": [1, {"a": True}]}, "web"),
    }

    assert len(fingerprints) == 5


def test_a_number_is_the_same_before_and_after_pulumis_state() -> None:
    assert canonical({"a": 2.0, "b": (1, 2.5, True, "2.0")}) == {"a": 2, "b": [1, 2.5, True, "2.0"]}


def test_the_fingerprint_of_a_known_folder_never_changes(tmp_path: Path) -> None:
    """A change here makes every image of every user be built again."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/run").write_text("run\n")
    (tmp_path / "app/run").chmod(0o755)
    (tmp_path / "link").symlink_to("app/run")

    assert list(digest_files(tmp_path).values()) == [
        f"executable:{hashlib.sha256(b'run' + bytes([10])).hexdigest()}",
        f"link:{hashlib.sha256(b'app/run').hexdigest()}",
    ]
    assert of(tmp_path) == "8d55d7c0242d336fc1698440a12da03d90529fe5e96b0fd4883213d16803f115"


def test_what_editors_and_tools_leave_is_left_out(tmp_path: Path) -> None:
    for name in (
        ".git/HEAD",
        "app/__pycache__/a.pyc",
        "a~",
        ".a.swp",
        ".#a",
        ".DS_Store",
        "packer-manifest.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".hidden").write_text("x")

    assert list_files(tmp_path) == [".hidden"]


def test_empty_folders_are_no_part_of_an_image(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert digest_files(tmp_path) == {}


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret", "inside/../../secret"])
def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "image/inside").mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    (tmp_path / "image/link").symlink_to(target)

    with pytest.raises(ImageFolderError, match=f"link links to {target}, outside the image folder"):
        list_files(tmp_path / "image")


def test_the_file_that_names_a_repository_elsewhere_is_no_part_of_an_image(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / ".git").write_text("gitdir: ../.git/worktrees/x\n")

    assert list_files(tmp_path) == ["a"]


def test_a_link_that_leads_back_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")

    with pytest.raises(ImageFolderError, match="one links to two, which leads back to itself"):
        list_files(tmp_path)


def test_a_link_to_another_file_of_the_folder_is_its_target_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/link").symlink_to("../a")
    before = of(tmp_path)
    (tmp_path / "b").write_text("a")
    (tmp_path / "sub/link").unlink()
    (tmp_path / "sub/link").symlink_to("../b")
    (tmp_path / "b").unlink()

    assert of(tmp_path) != before


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")

        with pytest.raises(ImageFolderError, match="s is a socket, pipe or device"):
            list_files(tmp_path)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).write_text("x")

    with pytest.raises(ImageFolderError, match="no UTF-8"):
        list_files(tmp_path)


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ImageFolderError, match="nowhere is no folder"):
        digest_files(tmp_path / "nowhere")


def test_the_changes_between_two_folders_are_named(tmp_path: Path) -> None:
    for name in ("same", "changed", "removed", "mode"):
        (tmp_path / name).write_text(name)
    before = digest_files(tmp_path)
    (tmp_path / "changed").write_text("other")
    (tmp_path / "removed").unlink()
    (tmp_path / "added").write_text("x")
    (tmp_path / "mode").chmod(0o755)
    after = digest_files(tmp_path)

    assert changed_files(before, after) == [
        "added added",
        "changed changed",
        "mode became executable",
        "removed removed",
    ]
    assert changed_files(after, before)[2] == "mode is no longer executable"


def test_a_copied_checkout_has_the_same_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "one/deep").mkdir(parents=True)
    (tmp_path / "one/deep/file").write_bytes(os.urandom(1 << 20))
    shutil.copytree(tmp_path / "one", tmp_path / "somewhere/else")

    assert of(tmp_path / "one") == of(tmp_path / "somewhere/else")
