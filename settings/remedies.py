"""What mends a setting, and which one was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from settings.stack import LISTS, READERS


def describe_unknown(key: str, shown_value: str, stack: str) -> str:
    """A key that nothing reads, with the nearest one that something does."""
    near = difflib.get_close_matches(key, READERS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(READERS))}"
    return f"{key} is {shown_value} and no setting · {hint} · pulumi config rm {key} --stack {stack}"


def describe_strangers(keys: Iterable[str], project: str, stack: str) -> list[str]:
    """A line for each of *keys* whose namespace is nearly *project*: nothing reads it."""
    names = [(key, *key.split(":", 1)) for key in sorted(keys) if ":" in key]
    return [
        f"{key} is no setting · did you mean {project}:{name}? · pulumi config rm {key} --stack {stack}"
        for key, namespace, name in names
        if namespace != project and difflib.get_close_matches(namespace, [project], cutoff=0.8)
    ]


def remedy(key: str, value: object, stack: str) -> str:
    return f"pulumi config set {key} {value} --stack {stack}"


def remedy_of(key: str, stack: str) -> str:
    """The command that puts another value in the place of a wrong one."""
    if key in LISTS:
        return f"pulumi config set --path '{key}[0]' VALUE --stack {stack}"
    return remedy(key, "VALUE", stack)
