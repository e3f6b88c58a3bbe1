"""What a Packer template declares, and whether one AMI in one region can come out of it.

Judged from the text alone, so that preview can say it without Packer; what only an evaluated template shows,
the manifest shows after the build (manifest.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_builder.ami import AMI_ID
from image_builder.errors import TemplateError
from image_builder.packer_template.given_variables import GIVEN_VARIABLES
from image_builder.packer_template.hcl import (
    Block,
    as_list,
    is_literal,
    labelled,
    read_blocks,
    read_names,
    template_files,
)

AMI_BUILDERS = ("amazon-ebs", "amazon-ebssurrogate", "amazon-chroot", "amazon-instance")


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable that the template declares."""

    has_default: bool
    is_sensitive: bool


@dataclass(frozen=True, kw_only=True)
class Template:
    """What matters of a template for a build: its variables, and each image that it would make."""

    variables: Mapping[str, Variable]
    images: tuple[str, ...]
    """`amazon-ebs.web` for each source that a build names."""
    regions: Mapping[str, tuple[str, ...]]
    """For each image the regions that the template names literally, where it is built or copied."""
    source_amis: tuple[str, ...]
    """The AMIs that it names literally to build on."""
    values: frozenset[str] = frozenset()
    """The variables that its *.auto.pkrvars.hcl and .json files set."""


def read_template(folder: Path) -> Template:
    """The template in *folder*."""
    if not folder.is_dir():
        raise TemplateError(f"{folder} does not exist · the folder of a Packer template was expected")
    if not template_files(folder):
        what = "is empty" if not any(folder.iterdir()) else "has no *.pkr.hcl or *.pkr.json file"
        raise TemplateError(f"{folder} {what} · a Packer template was expected")
    blocks = read_blocks(folder)
    images = built_images(blocks)
    return Template(
        variables=_variables_of(blocks),
        images=tuple(image for image, _ in images),
        regions={image: _regions_of(source) for image, source in images},
        source_amis=tuple(
            source_ami
            for _, source in images
            if AMI_ID.fullmatch(source_ami := str(source.get("source_ami")))
        ),
        values=frozenset(read_names(folder)),
    )


def built_images(blocks: Sequence[Block]) -> list[tuple[str, Mapping[str, Any]]]:
    """Each image that the builds of *blocks* name, with its source: what the build sets in it too."""
    sources = {".".join(block.labels): block.body for block in blocks if block.kind == "source"}
    return [
        (image, {**sources.get(image, {}), **more})
        for block in blocks
        if block.kind == "build"
        for image, more in _images_of(block.body)
    ]


def problems_of(template: Template, region: str | None) -> list[str]:
    """Why *template* does not make exactly one AMI, in *region* (None while it is not known)."""
    images = template.images
    if not images:
        return ["the template builds nothing · a build block that names one source was expected"]
    if not all(map(is_literal, images)):
        return []
    if len(images) > 1:
        return [
            f"the template builds {len(images)} images ({', '.join(images)}) · one PackerImage is one AMI · "
            "give each source a folder of its own"
        ]
    image = images[0]
    builder = image.partition(".")[0]
    if builder not in AMI_BUILDERS:
        return [f"{image} makes no AMI · a source of {', '.join(AMI_BUILDERS)} was expected"]
    others = [name for name in template.regions.get(image, ()) if region is not None and name != region]
    if others:
        return [
            f"{image} names region {', '.join(others)} · one AMI in {region} was expected · "
            "use `region = var.region` and no ami_regions"
        ]
    return []


def variable_problems(
    template: Template, variables: Mapping[str, Any], given: Collection[str]
) -> dict[str, str]:
    """Why a variable of the user's cannot be passed, by its name; *given* are those that we pass."""
    problems = {}
    for name in variables:
        declared = template.variables.get(name)
        if name in given and GIVEN_VARIABLES[name].is_optional:
            other = GIVEN_VARIABLES[name].input_name
            problems[name] = f"{name} is set by {other} too · one of the two was expected · remove one"
        elif name in given:
            problems[name] = f"{name} is set by PackerImage itself · remove it"
        elif declared is None:
            known = ", ".join(sorted(set(template.variables) - set(given))) or "none of its own"
            problems[name] = f'the template declares no variable "{name}" (it declares {known})'
        elif declared.is_sensitive:
            problems[name] = (
                f"{name} is sensitive in the template, and inputs are stored in the state · "
                f"pass it through the environment as PKR_VAR_{name}"
            )
    return problems


def missing_variables(template: Template, names: Collection[str], environment: Collection[str]) -> list[str]:
    """The variables that have no default and no value: *names* are those that we and the user pass."""
    return [
        name
        for name, variable in sorted(template.variables.items())
        if not variable.has_default
        and name not in names
        and name not in template.values
        and f"PKR_VAR_{name}" not in environment
    ]


def require_values(
    folder: Path, template: Template, names: Collection[str], environment: Collection[str]
) -> None:
    """Fail unless each variable of *template*, that of *folder*, has a value (missing_variables)."""
    if problem := problem_with_values(folder, template, names, environment):
        raise TemplateError(problem)


def problem_with_values(
    folder: Path, template: Template, names: Collection[str], environment: Collection[str]
) -> str:
    """Why a variable of *template*, that of *folder*, has no value; nothing when each has one."""
    missing = missing_variables(template, names, environment)
    told = ", ".join(f"{name} (PKR_VAR_{name})" for name in missing)
    return told and f"{folder}: no value for {told} · set it in variables, or in the environment"


def _variables_of(blocks: list[Block]) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    for block in blocks:
        if block.kind == "variable":
            found[block.labels[0]] = Variable(
                has_default="default" in block.body,
                is_sensitive=block.body.get("sensitive") in (True, "true"),
            )
        elif block.kind == "variables":  # The short form: variables { name = default }
            names = (name for name in block.body if not name.startswith("__"))
            found.update({name: Variable(has_default=True, is_sensitive=False) for name in names})
    return found


def _images_of(build: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    named: list[tuple[str, Mapping[str, Any]]] = [
        (str(name), {}) for name in as_list(build.get("sources", []))
    ]
    nested = [(name, more) for one in as_list(build.get("source", [])) for (name,), more in labelled(one, 1)]
    return [(image.removeprefix("source."), more) for image, more in [*named, *nested]]


def _regions_of(source: Mapping[str, Any]) -> tuple[str, ...]:
    named = [source.get("region", ""), *as_list(source.get("ami_regions", []))]
    return tuple(dict.fromkeys(str(name) for name in named if name and is_literal(name)))
