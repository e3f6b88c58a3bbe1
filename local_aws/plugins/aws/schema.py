"""What the pulumi_aws classes declare, read from the classes themselves.

Importing them takes longer than all else that the plugin does in most runs; what they declare does not change
with a version of the package, so it is kept beside the other things that this project caches.
"""

from __future__ import annotations

import collections.abc
import contextlib
import difflib
import importlib.metadata
import json
import os
import typing
from collections.abc import Iterable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

from local_aws.home import cache_folder
from local_aws.plugins.command_properties import Failure

Declarations = Mapping[str, Mapping[str, str | None]]
"""By class: its properties, each with the class of its value where that has properties too."""


def find_undeclared(arguments: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """A failure for each property in *inputs*, at any depth, that *arguments* (`ec2.LaunchTemplateArgs`) and
    the classes of its values do not declare.
    """
    return _find_undeclared(declarations_of(arguments), arguments, inputs, "")


def _find_undeclared(
    declarations: Declarations, arguments: str, inputs: Mapping[str, Any], path: str
) -> list[Failure]:
    declared = declarations[arguments]
    failures = []
    for name, value in inputs.items():
        if name.startswith("__"):
            continue
        where = f"{path}{name}"
        if name not in declared:
            failures.append(
                Failure(
                    property=where,
                    reason=f"{where} is no property that pulumi_aws declares{near(name, declared)}",
                )
            )
            continue
        nested = declared[name]
        for item in value if isinstance(value, list) else [value]:
            if nested is not None and isinstance(item, Mapping):
                failures += _find_undeclared(declarations, nested, item, f"{where}.")
    return failures


def near(name: str, names: Iterable[str]) -> str:
    """A hint at the name that was probably meant; empty when none is like it."""
    matches = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def declarations_of(arguments: str) -> Declarations:
    """What the class *arguments* of the installed pulumi_aws and those of its values declare."""
    version = importlib.metadata.version("pulumi_aws")
    file = cache_folder() / f"pulumi-aws-{version}-arguments" / f"{arguments}.json"
    with contextlib.suppress(FileNotFoundError, ValueError):
        kept: Declarations = json.loads(file.read_text())
        return kept
    declarations = read_classes(arguments)
    _keep(file, declarations)
    return declarations


def read_classes(arguments: str) -> Declarations:
    """The same, from the classes themselves."""
    import pulumi_aws
    from pulumi import _types as pulumi_types

    found: dict[str, Mapping[str, str | None]] = {}
    pending: dict[str, type] = {arguments: attrgetter(arguments)(pulumi_aws)}
    while pending:
        name, declaring = pending.popitem()
        types = pulumi_types.input_type_types(declaring)
        properties: dict[str, str | None] = {}
        for declared in pulumi_types.input_type_py_to_pulumi_names(declaring).values():
            nested = find_arguments_class(types.get(declared))
            properties[declared] = None if nested is None else f"{nested.__module__}.{nested.__qualname__}"
            if nested is not None and properties[declared] not in found:
                pending[str(properties[declared])] = nested
        found[name] = properties
    return found


def find_arguments_class(declared: Any) -> type | None:
    """The Args class inside a property's declared type, such as Input[Sequence[Input[...Args]]]."""
    from pulumi import _types as pulumi_types

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


def _keep(file: Path, declarations: Declarations) -> None:
    """Write *file* whole: others may read it at the same time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(declarations))
    unfinished.replace(file)
