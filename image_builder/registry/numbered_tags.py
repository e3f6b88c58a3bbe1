"""A document in tags, which so travels with what they are on.

An AMI has 50 tags of 256 characters, and each of its snapshots has 50 more ("Tag your Amazon EC2 resources",
EC2 user guide). A document is JSON, compressed, in base64, cut into `KEY:01`, `KEY:02` and so on.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from image_builder.errors import RecordError

CHARACTERS_PER_TAG = 256
"""At most, of any kind ("Tag your Amazon EC2 resources", tag restrictions)."""
MOST_TAGS = 32
"""For all documents on one resource, so that 18 are left for all other tags."""

_VERSION = 1
_Read = TypeVar("_Read")


def to_tags(key: str, document: Mapping[str, Any], *, room: int = MOST_TAGS) -> dict[str, str] | None:
    """The tags for *document*; None when they would be more than *room*."""
    text = json.dumps({**document, "version": _VERSION}, sort_keys=True, separators=(",", ":"))
    encoded = base64.b64encode(zlib.compress(text.encode(), level=9)).decode()
    starts = range(0, len(encoded), CHARACTERS_PER_TAG)
    if len(starts) > room:
        return None
    return {
        f"{key}:{number:02}": encoded[start : start + CHARACTERS_PER_TAG]
        for number, start in enumerate(starts, start=1)
    }


def from_tags(key: str, tags: Mapping[str, str], read: Callable[[Any], _Read], *, missing: str) -> _Read:
    """What *read* makes of the document in *tags*; raises RecordError, which says why there is none.

    *missing* is what it says where nothing was ever recorded; a tag KEY says so in its own words.
    """
    if key in tags:
        raise RecordError(tags[key])
    chunk = re.compile(rf"{re.escape(key)}:(\d\d)")
    chunks = {int(found[1]): value for name, value in tags.items() if (found := chunk.fullmatch(name))}
    if not chunks:
        raise RecordError(missing)
    if sorted(chunks) != list(range(1, len(chunks) + 1)):
        raise RecordError(f"the record is damaged: of the tags {key}:01 and up, one is missing")
    try:
        compressed = base64.b64decode("".join(chunks[number] for number in sorted(chunks)), validate=True)
        document = json.loads(zlib.decompress(compressed))
        if document["version"] != _VERSION:
            raise ValueError(f"its version is {document['version']}, {_VERSION} is known here")
        return read(document)
    except (binascii.Error, zlib.error, ValueError, AttributeError, KeyError, TypeError) as error:
        raise RecordError(f"the record in the tags {key}:01 and up cannot be read: {error}") from error
