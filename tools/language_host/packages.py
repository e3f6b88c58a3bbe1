"""Which plugins the installed packages need: every pulumi_* package says so in its pulumi-plugin.json."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class RequiredPlugin:
    """A resource plugin as the engine wants it named."""

    name: str
    version: str
    server: str


@dataclass(frozen=True, kw_only=True)
class InstalledPackage:
    """A Python package and its version."""

    name: str
    version: str


def read_required_plugin(description: str) -> RequiredPlugin | None:
    """Return the plugin that the text of a pulumi-plugin.json names, or None if it names none."""
    plugin = json.loads(description)
    if not plugin.get("resource") or not plugin.get("name"):
        return None
    version = str(plugin.get("version", ""))
    return RequiredPlugin(
        name=str(plugin["name"]),
        version=f"v{version.removeprefix('v')}" if version else "",
        server=str(plugin.get("server") or ""),
    )


def find_required_plugins(site_packages: Iterable[Path]) -> list[RequiredPlugin]:
    """Return the plugins that the packages in *site_packages* need, by name."""
    plugins = [
        read_required_plugin(description.read_text())
        for folder in site_packages
        for description in folder.glob("pulumi_*/pulumi-plugin.json")
    ]
    return sorted((plugin for plugin in plugins if plugin is not None), key=lambda plugin: plugin.name)


def find_installed_packages(site_packages: Iterable[Path]) -> list[InstalledPackage]:
    """Return the packages installed in *site_packages*, by name."""
    packages = []
    for folder in site_packages:
        for metadata in folder.glob("*.dist-info"):
            name, _, version = metadata.name.removesuffix(".dist-info").rpartition("-")
            packages.append(InstalledPackage(name=name, version=version))
    return sorted(packages, key=lambda package: package.name.lower())
