"""What the pulumi_aws classes declare, read from the classes themselves."""

from __future__ import annotations

import collections.abc
import difflib
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from pulumi import _types as pulumi_types

from local_aws.plugins.command_properties import Failure


def find_undeclared(arguments: type, inputs: Mapping[str, Any], path: str = "") -> list[Failure]:
    """A failure for each property in *inputs*, at any depth, that *arguments* does not declare."""
    names = set(pulumi_types.input_type_py_to_pulumi_names(arguments).values())
    types = pulumi_types.input_type_types(arguments)
    failures = []
    for name, value in inputs.items():
        if name.startswith("__"):
            continue
        where = f"{path}{name}"
        if name not in names:
            failures.append(
                Failure(
                    property=where,
                    reason=f"{where} is no property that pulumi_aws declares{near(name, names)}",
                )
            )
            continue
        nested = find_arguments_class(types.get(name))
        for item in value if isinstance(value, list) else [value]:
            if nested is not None and isinstance(item, Mapping):
                failures += find_undeclared(nested, item, f"{where}.")
    return failures


def near(name: str, names: Iterable[str]) -> str:
    """A hint at the name that was probably meant; empty when none is like it."""
    matches = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def find_arguments_class(declared: Any) -> type | None:
    """The Args class inside a property's declared type, such as Input[Sequence[Input[...Args]]]."""
    if isinstance(declared, type) and pulumi_types.is_input_type(declared):
        return declared
    origin = typing.get_origin(declared)
    if origin in (collections.abc.Awaitable,):
        return None
    for argument in typing.get_args(declared):
        found = find_arguments_class(argument)
        if found is not None:
            return found
    return None
