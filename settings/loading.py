"""The only reader of Pulumi's config; it refuses bad settings before anything happens.

Types, descriptions and defaults are declared once, in Pulumi.yaml; the engine fills the defaults in, and
refuses a value of the wrong type itself (pulumi/pkg/workspace/config.go, validateStackConfigValue).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from settings.contradictions import find_contradictions, find_doubts
from settings.provider import refuse_what_others_do_not_read
from settings.readers import Refusal
from settings.remedies import describe_strangers, describe_unknown, remedy, remedy_of
from settings.stack import READERS, StackSettings


class SettingsError(pulumi.RunError):
    """The stack's config cannot be used; each line names a key, its value, what is allowed and the remedy.

    Pulumi shows a RunError's message without a traceback.
    """


def load_settings() -> StackSettings:
    """The settings of the stack that is being run; warns of doubtful ones, raises SettingsError if bad."""
    prefix = f"{pulumi.get_project()}:"
    config = {**get_config_env(), **CONFIG.get()}
    texts = {key.removeprefix(prefix): str(value) for key, value in config.items() if key.startswith(prefix)}
    strangers = describe_strangers(config, pulumi.get_project(), pulumi.get_stack())
    if strangers:
        raise SettingsError("\n".join(strangers))
    settings = read_settings(
        texts,
        region=pulumi.Config("aws").get("region"),
        stack=pulumi.get_stack(),
        secret_keys=frozenset(key for key in texts if is_config_secret(prefix + key)),
        provider_keys=frozenset(key.removeprefix("aws:") for key in config if key.startswith("aws:")),
    )
    for warning in find_doubts(settings):
        pulumi.log.warn(warning)
    return settings


def read_settings(
    texts: Mapping[str, str],
    *,
    region: str | None,
    stack: str,
    secret_keys: frozenset[str] = frozenset(),
    provider_keys: frozenset[str] = frozenset(),
) -> StackSettings:
    """The settings that *texts*, the project's config of *stack* by key, describe; else SettingsError.

    *provider_keys* are those that Pulumi's aws provider is given.
    """
    shown = {key: "a secret" if key in secret_keys else repr(value) for key, value in texts.items()}
    problems = [describe_unknown(key, shown[key], stack) for key in texts if key not in READERS]
    problems += refuse_what_others_do_not_read(provider_keys, stack)
    values: dict[str, Any] = {}
    for key, (name, reader) in READERS.items():
        if key not in texts:
            problems.append(f"{key} is missing · a value was expected · {remedy(key, 'VALUE', stack)}")
            continue
        if key in secret_keys:
            problems.append(
                f"{key} is a secret · a plain value was expected, as it will stand in AWS and in errors · "
                f"{remedy_of(key, stack)} --plaintext"
            )
            continue
        try:
            values[name] = reader(texts[key])
        except Refusal as refusal:
            problems.append(f"{key} is {shown[key]} · {refusal} was expected · {remedy_of(key, stack)}")
    if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d+", region or ""):
        problems.append(
            f"aws:region is {region!r} · a region such as us-east-1 was expected · "
            f"{remedy('aws:region', 'us-east-1', stack)}"
        )
    if not problems:
        settings = StackSettings(region=str(region), **values)
        problems = find_contradictions(settings, stack)
        if not problems:
            return settings
    # One line each, so that every one of them stands alone.
    raise SettingsError("\n".join(problems))
