"""How one value of the config is read; each reader says what it expected of a value that it refuses."""

from __future__ import annotations

import ipaddress
import json
import posixpath
import re
from collections.abc import Callable
from typing import Any


class Refusal(Exception):  # noqa: N818 - never leaves this package
    """What was expected of a value."""


Reader = Callable[[str], Any]


def whole_number(least: int, most: int) -> Reader:
    def read(text: str) -> int:
        # Longer ones are no number here, and more than int() takes (sys.set_int_max_str_digits).
        if re.fullmatch(r"-?[0-9]{1,20}", text) and least <= int(text) <= most:
            return int(text)
        raise Refusal(f"a whole number from {least} to {most}")

    return read


def matching(pattern: str, expectation: str) -> Reader:
    def read(text: str) -> str:
        if re.fullmatch(pattern, text):
            return text
        raise Refusal(expectation)

    return read


def one_of(*words: str) -> Reader:
    def read(text: str) -> str:
        if text in words:
            return text
        raise Refusal(f"{', '.join(words[:-1])} or {words[-1]}")

    return read


def optional(reader: Reader) -> Reader:
    return lambda text: reader(text) if text else None


def folder_inside(text: str) -> str:
    path = posixpath.normpath(text)
    if text.startswith("/") or path == "." or path.split("/")[0] == "..":
        raise Refusal("a folder inside the project")
    return text


def boolean(text: str) -> bool:
    if text in ("true", "false"):
        return text == "true"
    raise Refusal("true or false")


def cidr_block(text: str) -> str:
    try:
        return str(ipaddress.IPv4Network(text))
    except ValueError as error:
        raise Refusal("IPv4 networks such as 10.0.0.0/8, without bits beyond the mask") from error


def list_of(reader: Reader) -> Reader:
    def read(text: str) -> tuple[Any, ...]:
        try:
            items = json.loads(text)
        except ValueError:
            items = None
        if isinstance(items, list) and all(type(item) in (str, int) for item in items):
            return tuple(reader(str(item)) for item in items)
        raise Refusal("a list, as JSON")

    return read
