"""What the settings of a stack are, and how each is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from settings.readers import (
    Reader,
    boolean,
    cidr_block,
    folder_inside,
    list_of,
    matching,
    one_of,
    optional,
    whole_number,
)

_AMI_ID = matching(r"ami-[0-9a-f]{8}([0-9a-f]{9})?", "an AMI id such as ami-0123456789abcdef0")
# pulumi/sdk/go/common/tokens, ParseStackName: what a stack may be called, at most 100 characters.
_STACK = matching(r"[A-Za-z0-9_.-]{1,100}", "a stack's name such as dev")
_SECRET_NAME = matching(
    # PutParameter, Systems Manager API reference; CreateSecret, Secrets Manager API reference.
    r"/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,14}|[A-Za-z0-9_+=.@-][A-Za-z0-9/_+=.@-]{0,511}"
    r"|arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}",
    "names or whole ARNs of Secrets Manager such as prod/web/database, or paths of SecureString parameters "
    "such as /prod/web/token",
)
_REGION = matching(r"[a-z]{2,}(-[a-z]+)+-\d+", "regions such as eu-west-1")
_ACCOUNT = matching(r"\d{12}", "accounts of 12 digits")
_OWNER = matching(r"self|\d{12}", "self or accounts of 12 digits")
_SUBNET_ID = matching(r"subnet-[0-9a-f]{8,17}", "subnet ids such as subnet-0123456789abcdef0")


def setting(reader: Reader) -> Any:
    """A field that *reader* reads from the text of its config key."""
    return field(metadata={"reader": reader})


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """Everything that differs between stacks; the field min_size is the config key minSize, and so on."""

    image_folder: str = setting(folder_inside)
    # It is also in tags and names of IAM, which take no ( ) and, in a policy's name, no / (API reference).
    image_family: str = setting(
        matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "1 to 100 letters, digits or . - _")
    )
    pinned_ami: str | None = setting(optional(_AMI_ID))
    promote_from: str | None = setting(optional(_STACK))
    require_verified_in: str | None = setting(optional(_STACK))
    allow_unverified_pin: bool = setting(boolean)
    copy_to_regions: tuple[str, ...] = setting(list_of(_REGION))
    share_with_accounts: tuple[str, ...] = setting(list_of(_ACCOUNT))
    image_kms_key: str = setting(matching(r"|alias/[A-Za-z0-9/_-]{1,250}", "an alias such as alias/images"))
    image_owners: tuple[str, ...] = setting(list_of(_OWNER))
    build_timeout_minutes: int = setting(whole_number(1, 720))
    verify_image: bool = setting(boolean)

    vpc_id: str | None = setting(
        optional(matching(r"vpc-[0-9a-f]{8,17}", "a VPC id such as vpc-0123456789abcdef0"))
    )
    subnet_ids: tuple[str, ...] = setting(list_of(_SUBNET_ID))

    internal: bool = setting(boolean)
    listener_port: int = setting(whole_number(1, 65535))
    certificate_arn: str | None = setting(
        optional(matching(r"arn:aws[a-z-]*:(acm|iam):.+", "the ARN of an ACM or IAM certificate"))
    )
    allowed_cidr_blocks: tuple[str, ...] = setting(list_of(cidr_block))
    application_port: int = setting(whole_number(1, 65535))
    health_check_path: str = setting(matching(r"/\S{0,1023}", "a path that begins with /"))
    health_check_interval_seconds: int = setting(whole_number(5, 300))
    healthy_threshold: int = setting(whole_number(2, 10))
    unhealthy_threshold: int = setting(whole_number(2, 10))
    deregistration_delay_seconds: int = setting(whole_number(0, 3600))

    instance_type: str = setting(matching(r"[a-z0-9-]+\.[a-z0-9-]+", "an instance type such as t3.small"))
    # From the size of the image's snapshot on: RunInstances refuses a smaller volume.
    root_volume_gigabytes: int = setting(whole_number(8, 65536))
    detailed_monitoring: bool = setting(boolean)
    min_size: int = setting(whole_number(0, 10000))
    max_size: int = setting(whole_number(1, 10000))
    desired_capacity: int = setting(whole_number(0, 10000))
    target_cpu_percent: int = setting(whole_number(1, 100))
    health_check_grace_period_seconds: int = setting(whole_number(0, 7200))

    secret_names: tuple[str, ...] = setting(list_of(_SECRET_NAME))

    min_healthy_percentage: int = setting(whole_number(0, 100))
    max_healthy_percentage: int = setting(whole_number(100, 200))
    instance_warmup_seconds: int = setting(whole_number(0, 86400))
    checkpoint_percentages: tuple[int, ...] = setting(list_of(whole_number(1, 100)))
    checkpoint_delay_seconds: int | None = setting(optional(whole_number(0, 172800)))
    bake_time_seconds: int = setting(whole_number(0, 172800))
    skip_matching: bool = setting(boolean)
    auto_rollback: bool = setting(boolean)
    standby_instances: Literal["Wait", "Ignore", "Terminate"] = setting(one_of("Wait", "Ignore", "Terminate"))
    scale_in_protected_instances: Literal["Wait", "Ignore", "Refresh"] = setting(
        one_of("Wait", "Ignore", "Refresh")
    )
    on_refresh_in_progress: Literal["wait", "cancel", "fail"] = setting(one_of("wait", "cancel", "fail"))
    rollout_timeout_minutes: int = setting(whole_number(1, 2880))
    smoke_test: bool = setting(boolean)
    smoke_test_timeout_seconds: int = setting(whole_number(1, 3600))

    alarms: bool = setting(boolean)
    target_5xx_alarm_count: int = setting(whole_number(1, 1_000_000_000))
    unhealthy_hosts_alarm_count: int | None = setting(optional(whole_number(1, 10000)))
    p99_latency_alarm_milliseconds: int | None = setting(optional(whole_number(1, 3_600_000)))

    region: str

    @property
    def may_build(self) -> bool:
        """Whether an image may be built for this stack, and not only found."""
        return not (self.pinned_ami or self.promote_from or self.require_verified_in)

    @property
    def longest_build_minutes(self) -> int:
        """How long a build and the verification of its image, each with the same limit, may take together."""
        return self.build_timeout_minutes * (1 + self.verify_image) if self.may_build else 0


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
