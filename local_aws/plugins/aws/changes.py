"""Deciding what the engine asks about a resource: pure functions of its type and its properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws.plugins.aws.resource import Observed, ResourceType, Values
from local_aws.plugins.aws.schema import find_undeclared
from local_aws.plugins.command_properties import Failure


def find_failures(resource: ResourceType, inputs: Mapping[str, Any]) -> list[Failure]:
    """What cannot be used: undeclared properties, and declared ones that the stand-in would ignore."""
    undeclared = find_undeclared(resource.arguments, inputs)
    ignored = [
        Failure(
            property=name,
            reason=(
                f"{resource.token}: {name} is not supported by the local aws plugin · it serves "
                f"{', '.join(sorted(resource.served))} · leave it out, or use AWS_PLUGIN=real"
            ),
        )
        for name, value in inputs.items()
        if value is not None
        and not name.startswith("__")
        and name not in resource.served
        and name not in {failure.property for failure in undeclared}
    ]
    return undeclared + ignored


def find_changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> frozenset[str]:
    """The inputs that differ; an unset one and null are the same."""
    names = {name for name in (*olds, *news) if not name.startswith("__")}
    return frozenset(name for name in names if olds.get(name) != news.get(name))


def to_state(inputs: Values, observed: Observed) -> Values:
    """The outputs that are recorded: what was asked for and what only AWS knows."""
    given = {key: value for key, value in inputs.items() if not key.startswith("__")}
    return {**to_imported_inputs(observed), **observed.computed, **given}


def to_imported_inputs(observed: Observed) -> Values:
    """The inputs of a resource of which nothing but the id is known: all that AWS shows."""
    return {name: value for name, value in observed.inputs.items() if value is not None}


def to_refreshed_inputs(resource: ResourceType, inputs: Values, observed: Observed) -> Values:
    """The inputs as AWS has them now; the order in which AWS lists things is no difference."""
    refreshed = dict(inputs)
    for name, value in observed.inputs.items():
        is_foreign = name not in inputs and name in resource.cleared_names and value is not None
        if is_foreign or (name in inputs and not is_same(inputs[name], value)):
            refreshed[name] = value
    return refreshed


def is_same(declared: Any, observed: Any) -> bool:
    """Whether *observed* is what was declared, whatever the order of lists and the extra keys of maps."""
    if isinstance(declared, Mapping) and isinstance(observed, Mapping):
        return all(is_same(value, observed.get(key)) for key, value in declared.items()) and not (
            observed.keys() - declared.keys()
        )
    if isinstance(declared, list) and isinstance(observed, list):
        return sorted(map(repr, declared)) == sorted(map(repr, observed))
    return bool(declared == observed)
