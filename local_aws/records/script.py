"""What is to become of an instance that is only a record: pure, from tags and the server's environment.

A tag of the instance counts before one of its AMI, and that before the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "LocalAws:"
HEALTH = f"{PREFIX}Health"
NEVER = "never"


@dataclass(frozen=True, kw_only=True)
class Script:
    """The life of a record."""

    boot_seconds: float = 0.3
    """From launch until it is running."""
    healthy_seconds: float = 0.3
    """From its first health check until it is healthy."""
    unhealthy_after_seconds: float | None = None
    """From its first health check until it is unhealthy for good, after it was healthy."""
    shutdown_seconds: float = 0.3
    """From the request until it is stopped or terminated."""
    is_ever_healthy: bool = True

    def is_healthy(self, seconds: float) -> bool:
        """Whether it passes a health check that many seconds after the first one."""
        is_over = self.unhealthy_after_seconds is not None and seconds >= self.unhealthy_after_seconds
        return self.is_ever_healthy and seconds >= self.healthy_seconds and not is_over


TAGS = {
    f"{PREFIX}BootSeconds": "boot_seconds",
    f"{PREFIX}HealthySeconds": "healthy_seconds",
    f"{PREFIX}UnhealthyAfterSeconds": "unhealthy_after_seconds",
    f"{PREFIX}ShutdownSeconds": "shutdown_seconds",
}


def variable_of(tag: str) -> str:
    """The environment variable that says for all what *tag* says for one: LOCAL_AWS_BOOTSECONDS."""
    return tag.replace(":", "_").replace("LocalAws", "LOCAL_AWS").upper()


def read_script(
    instance_tags: Mapping[str, str], image_tags: Mapping[str, str], environment: Mapping[str, str]
) -> Script:
    """The script of an instance; ValueError, in one line, for what cannot be read."""
    general = {tag: environment[name] for tag in (HEALTH, *TAGS) if (name := variable_of(tag)) in environment}
    given = {**general, **image_tags, **instance_tags}
    if given.get(HEALTH, NEVER) != NEVER:
        raise ValueError(f"{HEALTH} is {given[HEALTH]!r} · {NEVER} was expected, or no such tag")
    seconds = {field: _seconds(tag, given[tag]) for tag, field in TAGS.items() if tag in given}
    return Script(**seconds, is_ever_healthy=HEALTH not in given)


def _seconds(tag: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{tag} is {text!r} · a number of seconds was expected")
    return seconds
