"""What an image was made of, file by file, as tags that travel with it.

An AMI has 50 tags of 256 characters, and each of its snapshots has 50 more ("Tag your Amazon EC2 resources",
EC2 user guide). So the digests are on the snapshots: shortened, as JSON, compressed, in base64, cut into
`FileDigests:01`, `FileDigests:02` and so on. They tell people what changed; whether an image is the same is
told by its fingerprint alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from image_builder.errors import RecordError
from image_builder.fingerprint import EXECUTABLE, canonical

KEY = "FileDigests"
CHARACTERS_PER_TAG = 256
MOST_TAGS = 32
"""So that 18 are left for all other tags."""

_DIGITS = 12
_VERSION = 1
_LETTERS = {"file": "f", EXECUTABLE: "x", "link": "l"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_SHORT = re.compile(rf"[fxl][0-9a-f]{{0,{_DIGITS}}}")
_CHUNK = re.compile(rf"{KEY}:(\d\d)")


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
    text = json.dumps(
        {
            "version": _VERSION,
            "files": {path: _lettered(digest) for path, digest in record.files.items()},
            "variables": dict(record.variables),
        },
        sort_keys=True,
        separators=(",", ":"),
    )
    encoded = base64.b64encode(zlib.compress(text.encode(), level=9)).decode()
    starts = range(0, len(encoded), CHARACTERS_PER_TAG)
    if len(starts) > MOST_TAGS:
        return {KEY: f"not recorded: {len(record.files)} files are too many for tags"}
    return {
        f"{KEY}:{number:02}": encoded[start : start + CHARACTERS_PER_TAG]
        for number, start in enumerate(starts, start=1)
    }


def from_tags(tags: Mapping[str, str]) -> Recorded:
    """The record in *tags*; raises RecordError, which says why there is none."""
    if KEY in tags:
        raise RecordError(tags[KEY])
    chunks = {int(found[1]): value for key, value in tags.items() if (found := _CHUNK.fullmatch(key))}
    if not chunks:
        raise RecordError("not recorded: it was built before digests were, or its snapshots are not ours")
    if sorted(chunks) != list(range(1, len(chunks) + 1)):
        raise RecordError(f"the record is damaged: of the tags {KEY}:01 and up, one is missing")
    try:
        compressed = base64.b64decode("".join(chunks[number] for number in sorted(chunks)), validate=True)
        return _checked(json.loads(zlib.decompress(compressed)))
    except (binascii.Error, zlib.error, ValueError, AttributeError, KeyError, TypeError) as error:
        raise RecordError(f"the record in the tags {KEY}:01 and up cannot be read: {error}") from error


def _checked(record: Any) -> Recorded:
    if record["version"] != _VERSION:
        raise ValueError(f"its version is {record['version']}, {_VERSION} is known here")
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
