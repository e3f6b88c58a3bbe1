"""What Auto Scaling may launch from: groups, and the rollouts that run. Pure: answers in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from image_builder.ami import AMI_ID
from image_builder.registry.launch_templates import TemplateVersion, Version


@dataclass(frozen=True, kw_only=True)
class Launching:
    """What a group, or a rollout of it, launches from."""

    templates: tuple[TemplateVersion, ...] = ()
    """The first is that of all instance types which have none of their own."""
    ami_ids: tuple[str, ...] = ()
    """Those that are named outright."""
    launch_configuration: str = ""

    @property
    def template(self) -> TemplateVersion | None:
        """The one that is not for single instance types alone."""
        return next(iter(self.templates), None)


@dataclass(frozen=True, kw_only=True)
class Launchers:
    """What may launch each AMI, in words, by id; and what of it cannot be told."""

    by_ami: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unresolved: Sequence[str] = ()


def launching_of(described: Mapping[str, Any]) -> Launching:
    """What an AutoScalingGroup, or the DesiredConfiguration of an InstanceRefresh, launches from."""
    mixed = described.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    overrides = mixed.get("Overrides", [])
    specifications = [
        described.get("LaunchTemplate", {}),
        mixed.get("LaunchTemplateSpecification", {}),
        *(override.get("LaunchTemplateSpecification", {}) for override in overrides),
    ]
    # A root volume that was replaced is of another AMI than the one that the instance was launched from.
    named = [*overrides, *described.get("Instances", [])]
    return Launching(
        templates=tuple(dict.fromkeys(filter(None, map(TemplateVersion.of, specifications)))),
        ami_ids=tuple(dict.fromkeys(one["ImageId"] for one in named if one.get("ImageId"))),
        launch_configuration=described.get("LaunchConfigurationName", ""),
    )


def launchers(
    groups: Mapping[str, Launching],
    rolling: Mapping[str, Launching],
    versions: Sequence[Version],
    configured: Mapping[str, str],
) -> Launchers:
    """What may launch each AMI: groups, what they are *rolling* out to, and what a next rollout would name.

    Both are by the group's name; *versions* are all of the templates that are named, *configured* the AMIs of
    launch configurations.
    """
    found: dict[str, list[str]] = {}
    unresolved: list[str] = []
    by_template = _by_template(versions)

    def note(ami_id: str, words: str) -> None:
        if AMI_ID.fullmatch(ami_id):
            reasons = found.setdefault(ami_id, [])
            reasons.extend([words] if words not in reasons else [])
        elif ami_id:
            unresolved.append(f"{words} is {ami_id}")

    for name, launching in groups.items():
        for ami_id in _amis_of(launching, by_template, configured):
            # One that is gone launches nothing.
            note(ami_id or "", f"launched by {name}")
    for name, launching in rolling.items():
        for ami_id in _amis_of(launching, by_template, configured):
            if ami_id is None:
                unresolved.append(
                    f"being rolled out in {name} is a launch template version that is not there"
                )
            note(ami_id or "", f"being rolled out in {name}")
    for template_id in sorted({version.template_id for version in versions}):
        own = by_template[template_id]
        note(own[max(own)].ami_id, f"in the newest version of {template_id}")
    return Launchers(by_ami=found, unresolved=unresolved)


def _amis_of(
    launching: Launching,
    by_template: Mapping[str, Mapping[int, Version]],
    configured: Mapping[str, str],
) -> Iterator[str | None]:
    """What *launching* names; None for a version that is not there."""
    for template in launching.templates:
        version = _named(by_template.get(template.template, {}), template.version)
        yield version.ami_id if version else None
    yield from launching.ami_ids
    if launching.launch_configuration:
        yield configured.get(launching.launch_configuration, "")


def _by_template(versions: Iterable[Version]) -> dict[str, dict[int, Version]]:
    """*versions* by number, and those by the id and by the name of their template."""
    found: dict[str, dict[int, Version]] = {}
    for version in versions:
        for template in filter(None, (version.template_id, version.template_name)):
            found.setdefault(template, {})[version.number] = version
    return found


def _named(versions: Mapping[int, Version], name: str) -> Version | None:
    if name == "$Latest":
        return versions[max(versions)] if versions else None
    if name == "$Default":
        return next((version for version in versions.values() if version.is_default), None)
    return versions.get(int(name)) if name.isdecimal() else None
