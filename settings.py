"""The stack's settings: the only reader of Pulumi's config, and it refuses bad ones before anything happens.

Types, descriptions and defaults are declared once, in Pulumi.yaml; the engine fills the defaults in, and
refuses a value of the wrong type itself (pulumi/pkg/workspace/config.go, validateStackConfigValue).
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret


class SettingsError(pulumi.RunError):
    """The stack's config cannot be used; each line names a key, its value, what is allowed and the remedy.

    Pulumi shows a RunError's message without a traceback.
    """


class _Refusal(Exception):  # noqa: N818 - never leaves this module
    """What was expected of a value."""


Reader = Callable[[str], Any]


def _setting(reader: Reader) -> Any:
    return field(metadata={"reader": reader})


def _whole_number(least: int, most: int) -> Reader:
    def read(text: str) -> int:
        if re.fullmatch(r"-?\d+", text) and least <= int(text) <= most:
            return int(text)
        raise _Refusal(f"a whole number from {least} to {most}")

    return read


def _matching(pattern: str, expectation: str) -> Reader:
    def read(text: str) -> str:
        if re.fullmatch(pattern, text):
            return text
        raise _Refusal(expectation)

    return read


def _one_of(*words: str) -> Reader:
    def read(text: str) -> str:
        if text in words:
            return text
        raise _Refusal(f"{', '.join(words[:-1])} or {words[-1]}")

    return read


def _optional(reader: Reader) -> Reader:
    return lambda text: reader(text) if text else None


def _boolean(text: str) -> bool:
    if text in ("true", "false"):
        return text == "true"
    raise _Refusal("true or false")


def _cidr_block(text: str) -> str:
    try:
        return str(ipaddress.IPv4Network(text))
    except ValueError as error:
        raise _Refusal("IPv4 networks such as 10.0.0.0/8, without bits beyond the mask") from error


def _list_of(reader: Reader) -> Reader:
    def read(text: str) -> tuple[Any, ...]:
        try:
            items = json.loads(text)
        except ValueError:
            items = None
        if isinstance(items, list) and all(type(item) in (str, int) for item in items):
            return tuple(reader(str(item)) for item in items)
        raise _Refusal("a list, as JSON")

    return read


_AMI_ID = _matching(r"ami-[0-9a-f]{8}([0-9a-f]{9})?", "an AMI id such as ami-0123456789abcdef0")
_SUBNET_ID = _matching(r"subnet-[0-9a-f]{8,17}", "subnet ids such as subnet-0123456789abcdef0")


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """Everything that differs between stacks; the field min_size is the config key minSize, and so on."""

    image_folder: str = _setting(_matching(r"[^/].*", "a folder inside the project"))
    image_family: str = _setting(
        _matching(r"[A-Za-z0-9][A-Za-z0-9()./_-]{0,99}", "1 to 100 letters, digits or ( ) . - / _")
    )
    pinned_ami: str | None = _setting(_optional(_AMI_ID))
    build_timeout_minutes: int = _setting(_whole_number(1, 720))

    vpc_id: str | None = _setting(
        _optional(_matching(r"vpc-[0-9a-f]{8,17}", "a VPC id such as vpc-0123456789abcdef0"))
    )
    subnet_ids: tuple[str, ...] = _setting(_list_of(_SUBNET_ID))

    internal: bool = _setting(_boolean)
    listener_port: int = _setting(_whole_number(1, 65535))
    certificate_arn: str | None = _setting(
        _optional(_matching(r"arn:aws[a-z-]*:(acm|iam):.+", "the ARN of an ACM or IAM certificate"))
    )
    allowed_cidr_blocks: tuple[str, ...] = _setting(_list_of(_cidr_block))
    application_port: int = _setting(_whole_number(1, 65535))
    health_check_path: str = _setting(_matching(r"/\S{0,1023}", "a path that begins with /"))
    health_check_interval_seconds: int = _setting(_whole_number(5, 300))
    healthy_threshold: int = _setting(_whole_number(2, 10))
    unhealthy_threshold: int = _setting(_whole_number(2, 10))
    deregistration_delay_seconds: int = _setting(_whole_number(0, 3600))

    instance_type: str = _setting(_matching(r"[a-z0-9-]+\.[a-z0-9-]+", "an instance type such as t3.small"))
    root_volume_gigabytes: int = _setting(_whole_number(1, 65536))
    detailed_monitoring: bool = _setting(_boolean)
    min_size: int = _setting(_whole_number(0, 10000))
    max_size: int = _setting(_whole_number(1, 10000))
    desired_capacity: int = _setting(_whole_number(0, 10000))
    target_cpu_percent: int = _setting(_whole_number(1, 100))
    health_check_grace_period_seconds: int = _setting(_whole_number(0, 7200))

    min_healthy_percentage: int = _setting(_whole_number(0, 100))
    max_healthy_percentage: int = _setting(_whole_number(100, 200))
    instance_warmup_seconds: int = _setting(_whole_number(0, 86400))
    checkpoint_percentages: tuple[int, ...] = _setting(_list_of(_whole_number(1, 100)))
    checkpoint_delay_seconds: int | None = _setting(_optional(_whole_number(0, 172800)))
    bake_time_seconds: int = _setting(_whole_number(0, 172800))
    skip_matching: bool = _setting(_boolean)
    auto_rollback: bool = _setting(_boolean)
    standby_instances: Literal["Wait", "Ignore", "Terminate"] = _setting(
        _one_of("Wait", "Ignore", "Terminate")
    )
    scale_in_protected_instances: Literal["Wait", "Ignore", "Refresh"] = _setting(
        _one_of("Wait", "Ignore", "Refresh")
    )
    on_refresh_in_progress: Literal["wait", "cancel", "fail"] = _setting(_one_of("wait", "cancel", "fail"))
    rollout_timeout_minutes: int = _setting(_whole_number(1, 2880))
    smoke_test: bool = _setting(_boolean)
    smoke_test_timeout_seconds: int = _setting(_whole_number(1, 3600))

    alarms: bool = _setting(_boolean)
    target_5xx_alarm_count: int = _setting(_whole_number(1, 1_000_000_000))
    unhealthy_hosts_alarm_count: int | None = _setting(_optional(_whole_number(1, 10000)))
    p99_latency_alarm_milliseconds: int | None = _setting(_optional(_whole_number(1, 3_600_000)))

    region: str


def key_of(field_name: str) -> str:
    """The config key of a field: min_size is minSize."""
    first, *rest = field_name.split("_")
    return first + "".join(word.capitalize() for word in rest)


READERS: Mapping[str, tuple[str, Reader]] = {
    key_of(entry.name): (entry.name, entry.metadata["reader"])
    for entry in fields(StackSettings)
    if "reader" in entry.metadata
}
LISTS = frozenset(
    key_of(entry.name) for entry in fields(StackSettings) if str(entry.type).startswith("tuple[")
)


def load_settings() -> StackSettings:
    """The settings of the stack that is being run; warns of doubtful ones, raises SettingsError if bad."""
    prefix = f"{pulumi.get_project()}:"
    texts = {
        key.removeprefix(prefix): str(value)
        for key, value in {**get_config_env(), **CONFIG.get()}.items()
        if key.startswith(prefix)
    }
    secret_keys = frozenset(key for key in texts if is_config_secret(prefix + key))
    region = pulumi.Config("aws").get("region")
    settings = read_settings(texts, region=region, stack=pulumi.get_stack(), secret_keys=secret_keys)
    for warning in find_doubts(settings):
        pulumi.log.warn(warning)
    return settings


def read_settings(
    texts: Mapping[str, str], *, region: str | None, stack: str, secret_keys: frozenset[str] = frozenset()
) -> StackSettings:
    """The settings that *texts*, the project's config of *stack* by key, describe; else SettingsError."""
    shown = {key: "a secret" if key in secret_keys else repr(value) for key, value in texts.items()}
    problems = [_describe_unknown(key, shown[key], stack) for key in texts if key not in READERS]
    values: dict[str, Any] = {}
    for key, (name, reader) in READERS.items():
        if key not in texts:
            problems.append(f"{key} is missing · a value was expected · {_remedy(key, 'VALUE', stack)}")
            continue
        try:
            values[name] = reader(texts[key])
        except _Refusal as refusal:
            problems.append(f"{key} is {shown[key]} · {refusal} was expected · {_remedy_of(key, stack)}")
    if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d+", region or ""):
        problems.append(
            f"aws:region is {region!r} · a region such as us-east-1 was expected · "
            f"{_remedy('aws:region', 'us-east-1', stack)}"
        )
    if not problems:
        settings = StackSettings(region=str(region), **values)
        problems = find_contradictions(settings, stack)
        if not problems:
            return settings
    # One line each, so that every one of them stands alone.
    raise SettingsError("\n".join(problems))


def find_contradictions(settings: StackSettings, stack: str) -> list[str]:
    """Settings that are well by themselves and cannot hold together."""
    problems = []
    if settings.min_size > settings.max_size:
        problems.append(
            f"minSize is {settings.min_size} and maxSize {settings.max_size} · a minSize up to maxSize was "
            f"expected · {_remedy('maxSize', settings.min_size, stack)}"
        )
    elif not settings.min_size <= settings.desired_capacity <= settings.max_size:
        problems.append(
            f"desiredCapacity is {settings.desired_capacity} · one from minSize {settings.min_size} to "
            f"maxSize {settings.max_size} was expected · "
            f"{_remedy('desiredCapacity', settings.min_size, stack)}"
        )
    # RefreshPreferences, Auto Scaling API reference.
    if settings.max_healthy_percentage - settings.min_healthy_percentage > 100:
        problems.append(
            f"maxHealthyPercentage is {settings.max_healthy_percentage} with a minHealthyPercentage of "
            f"{settings.min_healthy_percentage} · a difference up to 100 was expected · "
            f"{_remedy('maxHealthyPercentage', settings.min_healthy_percentage + 100, stack)}"
        )
    problems += _find_contradictions_of_the_rollout(settings, stack)
    if settings.vpc_id and not settings.subnet_ids:
        problems.append(
            f"vpcId is {settings.vpc_id} without subnetIds · subnets of that VPC, in two zones or more, were "
            f"expected · pulumi config set --path 'subnetIds[0]' subnet-... --stack {stack}"
        )
    if settings.subnet_ids and not settings.vpc_id:
        problems.append(
            f"subnetIds is {', '.join(settings.subnet_ids)} without vpcId · the VPC of these subnets was "
            f"expected · {_remedy('vpcId', 'vpc-...', stack)}"
        )
    # CreateLoadBalancer, Subnets: "You must specify subnets from at least two Availability Zones."
    if len(set(settings.subnet_ids)) == 1:
        problems.append(
            f"subnetIds is {settings.subnet_ids[0]} alone · two or more, in different zones, were expected · "
            f"pulumi config set --path 'subnetIds[1]' subnet-... --stack {stack}"
        )
    if settings.certificate_arn and settings.listener_port == 80:
        problems.append(
            "listenerPort is 80 with a certificateArn · another port was expected, as this one is for HTTP · "
            f"{_remedy('listenerPort', 443, stack)}"
        )
    if settings.listener_port == 443 and not settings.certificate_arn:
        problems.append(
            "listenerPort is 443 without a certificateArn · a certificate was expected, as this port is for "
            f"HTTPS · {_remedy('certificateArn', 'arn:aws:acm:...', stack)}"
        )
    return problems


def _find_contradictions_of_the_rollout(settings: StackSettings, stack: str) -> list[str]:
    """The pauses of a rollout that AWS would refuse, or end early at, or that outlast its deadline."""
    problems = []
    percentages = settings.checkpoint_percentages
    shown = ", ".join(map(str, percentages))
    if list(percentages) != sorted(set(percentages)):
        problems.append(
            f"checkpointPercentages is {shown} · an ascending list was expected · "
            f"{_remedy_of('checkpointPercentages', stack)}"
        )
    elif percentages and percentages[-1] != 100:
        # "Add checkpoints to an instance refresh", Auto Scaling user guide.
        problems.append(
            f"checkpointPercentages is {shown} · 100 was expected as the last one, as AWS ends there · "
            f"pulumi config set --path 'checkpointPercentages[{len(percentages)}]' 100 --stack {stack}"
        )
    if settings.checkpoint_delay_seconds is not None and not percentages:
        problems.append(
            f"checkpointDelaySeconds is {settings.checkpoint_delay_seconds} without checkpointPercentages · "
            f"some were expected · pulumi config rm checkpointDelaySeconds --stack {stack}"
        )
    # AWS waits for an hour where no delay is given (RefreshPreferences, Auto Scaling API reference).
    delay = 3600 if settings.checkpoint_delay_seconds is None else settings.checkpoint_delay_seconds
    seconds = max(0, len(percentages) - 1) * delay + settings.bake_time_seconds
    minutes = (seconds + settings.instance_warmup_seconds) // 60 + 1
    if settings.rollout_timeout_minutes < minutes:
        problems.append(
            f"rolloutTimeoutMinutes is {settings.rollout_timeout_minutes} · {minutes} or more were expected, "
            "as the pauses at checkpoints, the bake time and one warm-up take that long · "
            f"{_remedy('rolloutTimeoutMinutes', minutes, stack)}"
        )
    return problems


def find_doubts(settings: StackSettings) -> list[str]:
    """Settings that AWS takes, and that do something else than they seem to say."""
    doubts = []
    desired, most = settings.desired_capacity, settings.max_healthy_percentage
    stays = -(-desired * settings.min_healthy_percentage // 100)
    has_no_room_above = desired > 0 and desired * most // 100 == desired
    if has_no_room_above and stays < desired:
        doubts.append(
            f"maxHealthyPercentage {most} with minHealthyPercentage {settings.min_healthy_percentage}: a "
            f"rollout terminates instances before it launches others, {stays} of {desired} serve meanwhile; "
            f"{100 + -(-100 // desired)} and 100 launch first"
        )
    if has_no_room_above and stays == desired:
        # RefreshPreferences.MaxHealthyPercentage, Auto Scaling API reference.
        doubts.append(
            f"maxHealthyPercentage {most} leaves no room for an extra instance beside {desired}: a rollout "
            f"exceeds it by one instance; {100 + -(-100 // desired)} says so openly"
        )
    if settings.allowed_cidr_blocks == ():
        doubts.append("allowedCidrBlocks is empty: nobody can reach the load balancer")
    return doubts


def _describe_unknown(key: str, shown_value: str, stack: str) -> str:
    """A key that nothing reads, with the nearest one that something does."""
    near = difflib.get_close_matches(key, READERS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(READERS))}"
    return f"{key} is {shown_value} and no setting · {hint} · pulumi config rm {key} --stack {stack}"


def _remedy(key: str, value: object, stack: str) -> str:
    return f"pulumi config set {key} {value} --stack {stack}"


def _remedy_of(key: str, stack: str) -> str:
    """The command that puts another value in the place of a wrong one."""
    if key in LISTS:
        return f"pulumi config set --path '{key}[0]' VALUE --stack {stack}"
    return _remedy(key, "VALUE", stack)
