"""Promises of bench/fingerprint.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import fingerprint
from bench.fingerprint import check_same, write_files


def test_it_writes_as_many_different_files_and_bytes_as_it_says(tmp_path: Path) -> None:
    write_files(tmp_path, files=200, total=200 * 64)

    contents = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(contents) == len(set(contents)) == 200
    assert sum(map(len, contents)) == 200 * 64


def test_both_ways_must_read_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, files=20, total=20 * 64)

    check_same(tmp_path)

    monkeypatch.setattr(fingerprint, "sha256sum", lambda _: [])
    with pytest.raises(RuntimeError, match="20 and 0 files differ"):
        check_same(tmp_path)
