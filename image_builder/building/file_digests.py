"""What an image was made of, file by file, as tags of its snapshots.

The digests are shortened: they tell people what changed; whether an image is the same is told by its
fingerprint alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from image_builder.fingerprint import EXECUTABLE, canonical
from image_builder.registry import numbered_tags

KEY = "FileDigests"

_DIGITS = 12
_LETTERS = {"file": "f", EXECUTABLE: "x", "link": "l"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_SHORT = re.compile(rf"[fxl][0-9a-f]{{0,{_DIGITS}}}")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What an image was made of; equal digests are equal contents, for all that a person need know."""

    files: Mapping[str, str]
    """By path, `file:`, `executable:` or `link:` and the digest's first digits."""
    variables: Mapping[str, str]
    """By name, the first digits of the value's digest."""


def recorded(file_digests: Mapping[str, str], variables: Mapping[str, Any]) -> Recorded:
    """What is recorded of these: the files' digests as fingerprint.py makes them, the variables' values."""
    return Recorded(
        files={path: _short(digest) for path, digest in file_digests.items()},
        variables={name: _digest_of_value(value) for name, value in variables.items()},
    )


def to_tags(record: Recorded) -> dict[str, str]:
    """The tags for *record*; a single one that says how many files there are, when they are too many."""
    document = {
        "files": {path: _lettered(digest) for path, digest in record.files.items()},
        "variables": dict(record.variables),
    }
    return numbered_tags.to_tags(KEY, document) or {
        KEY: f"not recorded: {len(record.files)} files are too many for tags"
    }


def from_tags(tags: Mapping[str, str]) -> Recorded:
    """The record in *tags*; raises RecordError, which says why there is none."""
    missing = "not recorded: it was built before digests were, or its snapshots are not ours"
    return numbered_tags.from_tags(KEY, tags, _checked, missing=missing)


def _checked(record: Any) -> Recorded:
    files = {str(path): str(digest) for path, digest in record["files"].items()}
    if wrong := [digest for digest in files.values() if not _SHORT.fullmatch(digest)]:
        raise ValueError(f"{wrong[0]!r} is no digest")
    return Recorded(
        files={path: f"{_KINDS[digest[0]]}:{digest[1:]}" for path, digest in files.items()},
        variables={str(name): str(digest) for name, digest in record["variables"].items()},
    )


def _short(digest: str) -> str:
    kind, _, digits = digest.partition(":")
    return f"{kind}:{digits[:_DIGITS]}"


def _lettered(digest: str) -> str:
    kind, _, digits = digest.partition(":")
    return f"{_LETTERS[kind]}{digits}"


def _digest_of_value(value: Any) -> str:
    text = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
