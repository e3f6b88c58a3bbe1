"""What PackerImage passes by itself to a template that declares it: for check, build and verification alike.

What comes from an argument that may be left out is passed only when that is set: a value of the user's own,
of the environment (PKR_VAR_…) or of the template itself stays in force otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class GivenVariable:
    """A variable by which a template takes part; images/README.md says what each is for."""

    name: str
    input_name: str = ""
    """The input that it is the value of; of the run itself, when empty."""
    is_optional: bool = False
    """Whether that input may be left out."""


GIVEN_VARIABLES = {
    variable.name: variable
    for variable in (
        GivenVariable(name="ami_name"),
        GivenVariable(name="tags"),
        GivenVariable(name="git_commit"),
        GivenVariable(name="package_list"),
        GivenVariable(name="region", input_name="region"),
        GivenVariable(name="fingerprint", input_name="fingerprint"),
        GivenVariable(name="kms_key_id", input_name="kms_key", is_optional=True),
        GivenVariable(name="vpc_id", input_name="vpc_id", is_optional=True),
        GivenVariable(name="subnet_id", input_name="subnet_id", is_optional=True),
        GivenVariable(
            name="associate_public_ip_address", input_name="associate_public_ip_address", is_optional=True
        ),
    )
}


def names_given(inputs: Mapping[str, Any]) -> set[str]:
    """The names of those that are passed with *inputs*, by name."""
    return {
        variable.name
        for variable in GIVEN_VARIABLES.values()
        if not variable.is_optional or inputs.get(variable.input_name) not in (None, "")
    }


def names_passed(inputs: Mapping[str, Any]) -> set[str]:
    """The names of the user's variables and of ours, declared or not."""
    return {*inputs["variables"], *names_given(inputs)}


def values_for(
    declared: Collection[str], inputs: Mapping[str, Any], of_the_run: Mapping[str, Any]
) -> dict[str, Any]:
    """The user's variables, and ours with those *of_the_run*, as far as they are *declared*."""
    ours = {
        name: inputs[GIVEN_VARIABLES[name].input_name]
        for name in names_given(inputs)
        if GIVEN_VARIABLES[name].input_name
    }
    given = {**inputs["variables"], **ours, **of_the_run}
    return {name: value for name, value in given.items() if name in declared}
