"""What a stack's config may say, and what a person is told when it says something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime.config import set_all_config

from settings import SettingsError, StackSettings
from settings.contradictions import find_doubts
from settings.loading import load_settings, read_settings
from settings.remedies import describe_strangers
from settings.stack import LISTS, READERS
from tests.infra.mocked import RecordingMocks

ROOT = Path(__file__).parents[1]
PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
NAMESPACE = f"{PROJECT['name']}:"


def as_text(value: Any) -> str:
    """A config value as the engine hands it to the program."""
    return value if isinstance(value, str) else json.dumps(value)


DEFAULTS = {key: as_text(entry["default"]) for key, entry in PROJECT["config"].items()}


def settings_with(**changes: str) -> StackSettings:
    """The settings of a stack that changes some defaults."""
    return read_settings({**DEFAULTS, **changes}, region="us-east-1", stack="dev")


def problems_with(**changes: str) -> list[str]:
    """The lines that refuse such a stack."""
    with pytest.raises(SettingsError) as refusal:
        settings_with(**changes)
    return str(refusal.value).splitlines()


def problem_with(**changes: str) -> str:
    """The one line that refuses such a stack."""
    (line,) = problems_with(**changes)
    return line


def test_every_declared_key_is_read_and_every_key_that_is_read_is_declared() -> None:
    assert set(READERS) == set(PROJECT["config"])


@pytest.mark.parametrize("key", PROJECT["config"])
def test_every_key_has_a_type_a_description_and_a_default(key: str) -> None:
    entry = PROJECT["config"][key]

    assert entry["type"] in ("string", "integer", "boolean", "array")
    assert entry["description"]
    assert "default" in entry


def test_the_defaults_are_settings_without_a_doubt() -> None:
    assert find_doubts(settings_with()) == []


@pytest.mark.parametrize("stack", ["dev", "prod", "local"])
def test_the_settings_of_each_stack_in_the_repository_are_good(stack: str) -> None:
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    own = {
        key.removeprefix(NAMESPACE): as_text(value)
        for key, value in config.items()
        if key.startswith(NAMESPACE)
    }

    settings = read_settings({**DEFAULTS, **own}, region=config["aws:region"], stack=stack)

    assert find_doubts(settings) == []
    assert settings.region == "us-east-1"


def test_production_runs_several_instances_and_misses_none_of_them_in_a_rollout() -> None:
    config = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]

    own = {key.removeprefix(NAMESPACE): as_text(value) for key, value in config.items() if NAMESPACE in key}
    settings = read_settings({**DEFAULTS, **own}, region="us-east-1", stack="prod")

    assert settings.require_verified_in == "dev"
    assert not settings.may_build
    assert settings.min_size >= 3
    assert settings.min_healthy_percentage == 100
    assert settings.desired_capacity * settings.max_healthy_percentage // 100 > settings.desired_capacity
    assert settings.auto_rollback
    assert settings.bake_time_seconds >= 180
    assert settings.checkpoint_percentages[-1] == 100
    # The first pause is with one new machine: so many are new when a checkpoint is reached.
    assert -(-settings.desired_capacity * settings.checkpoint_percentages[0] // 100) == 1
    assert (settings.standby_instances, settings.scale_in_protected_instances) == ("Wait", "Wait")
    assert settings.on_refresh_in_progress == "fail"


def test_a_configured_zero_is_kept() -> None:
    settings = settings_with(
        minSize="0", desiredCapacity="0", smokeTest="false", deregistrationDelaySeconds="0"
    )

    assert (settings.min_size, settings.desired_capacity, settings.deregistration_delay_seconds) == (0, 0, 0)


def test_a_delay_that_is_left_to_aws_is_none_and_a_configured_zero_is_one() -> None:
    assert settings_with().checkpoint_delay_seconds is None
    checkpoints = {"checkpointPercentages": "[50, 100]"}
    assert settings_with(checkpointDelaySeconds="0", **checkpoints).checkpoint_delay_seconds == 0


@pytest.mark.parametrize("chosen", ["promoteFrom", "requireVerifiedIn"])
def test_an_image_is_built_for_the_working_tree_only(chosen: str) -> None:
    assert settings_with().may_build
    assert settings_with(buildTimeoutMinutes="30").longest_build_minutes == 60
    assert settings_with(buildTimeoutMinutes="30", verifyImage="false").longest_build_minutes == 30
    assert settings_with(**{chosen: "test"}).longest_build_minutes == 0
    assert not settings_with(**{chosen: "test"}).may_build
    assert not settings_with(pinnedAmi="ami-0123456789abcdef0").may_build


def test_an_emergency_that_lasts_is_doubted() -> None:
    (doubt,) = find_doubts(settings_with(allowUnverifiedPin="true", requireVerifiedIn="test"))

    assert "whether it succeeded in test or not" in doubt


def test_an_empty_pin_is_no_pin() -> None:
    assert settings_with(pinnedAmi="").pinned_ami is None


def test_a_list_is_read_as_one() -> None:
    settings = settings_with(
        vpcId="vpc-0123456789abcdef0", subnetIds='["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]'
    )

    assert settings.subnet_ids == ("subnet-0123456789abcdef0", "subnet-0123456789abcdef1")


ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/web-Ab12Cd"


@pytest.mark.parametrize("name", ["prod/web/database", "/prod/web/token", "a@b+c=d.e_f", ARN])
def test_a_secret_is_named_as_the_service_that_keeps_it_names_it(name: str) -> None:
    assert settings_with(secretNames=json.dumps([name])).secret_names == (name,)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "two words",
        "/",
        "//x",
        "/x/",
        "päss",
        "p$ss",
        ARN.removesuffix("-Ab12Cd"),
        "arn:aws:ssm:x:parameter/y",
    ],
)
def test_what_names_no_secret_is_refused(name: str) -> None:
    line = problem_with(secretNames=json.dumps([name]))

    assert "names or whole ARNs of Secrets Manager such as prod/web/database, or paths" in line
    assert line.endswith("pulumi config set --path 'secretNames[0]' VALUE --stack dev")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("minSize", "-1", "a whole number from 0 to 10000"),
        ("minSize", "two", "a whole number from 0 to 10000"),
        ("minSize", "1.5", "a whole number from 0 to 10000"),
        ("minSize", "", "a whole number from 0 to 10000"),
        ("listenerPort", "0", "a whole number from 1 to 65535"),
        ("listenerPort", "65536", "a whole number from 1 to 65535"),
        ("smokeTest", "yes", "true or false"),
        ("checkpointPercentages", "[0, 100]", "a whole number from 1 to 100"),
        ("checkpointPercentages", "[1.5]", "a list"),
        ("checkpointPercentages", "50", "a list"),
        ("checkpointDelaySeconds", "an hour", "a whole number from 0 to 172800"),
        ("bakeTimeSeconds", "172801", "a whole number from 0 to 172800"),
        ("standbyInstances", "wait", "Wait, Ignore or Terminate"),
        ("scaleInProtectedInstances", "Terminate", "Wait, Ignore or Refresh"),
        ("onRefreshInProgress", "Wait", "wait, cancel or fail"),
        ("pinnedAmi", "ami-123", "an AMI id such as ami-0123456789abcdef0"),
        ("promoteFrom", "my stack", "a stack's name such as dev"),
        ("pinnedAmi", "latest", "an AMI id such as ami-0123456789abcdef0"),
        ("pinnedAmi", "ami-0123456789abcdef0\n", "an AMI id such as ami-0123456789abcdef0"),
        ("healthCheckPath", "healthz", "a path that begins with /"),
        ("healthCheckIntervalSeconds", "4", "a whole number from 5 to 300"),
        ("certificateArn", "my-certificate", "the ARN of an ACM or IAM certificate"),
        ("allowedCidrBlocks", '["10.0.0.1/8"]', "IPv4 networks such as 10.0.0.0/8"),
        ("allowedCidrBlocks", '["300.0.0.0/8"]', "IPv4 networks such as 10.0.0.0/8"),
        ("allowedCidrBlocks", "0.0.0.0/0", "a list"),
        ("subnetIds", '["subnet"]', "subnet ids such as subnet-0123456789abcdef0"),
        ("imageFamily", "", "1 to 100 letters"),
        ("imageFamily", "web(app)", "1 to 100 letters, digits or . - _"),
        ("imageFamily", "web/app", "1 to 100 letters, digits or . - _"),
        ("rootVolumeGigabytes", "7", "a whole number from 8"),
        ("copyToRegions", '["ireland"]', "eu-west-1"),
        ("shareWithAccounts", '["1234"]', "12 digits"),
        ("imageKmsKey", "arn:aws:kms:us-east-1:123456789012:key/1", "an alias such as alias/images"),
        ("imageOwners", '["self", "amazon"]', "12 digits"),
        ("imageFolder", "/etc", "a folder inside the project"),
        ("imageFolder", "images/../../other", "a folder inside the project"),
        ("imageFolder", ".", "a folder inside the project"),
        ("minSize", "1" * 5000, "a whole number from 0 to 10000"),
        ("checkpointPercentages", f"[{'1' * 5000}]", "a list"),
        ("vpcId", "default", "a VPC id such as vpc-0123456789abcdef0"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_all_that_is_needed(
    key: str, value: str, expected: str
) -> None:
    line = problem_with(**{key: value})

    assert line.startswith(f"{key} is {value!r} · ")
    assert expected in line
    assert f"pulumi config set {'--path ' if key in LISTS else ''}" in line
    assert line.endswith("--stack dev")


def test_a_missing_key_is_named_with_the_command_that_sets_it() -> None:
    texts = {key: value for key, value in DEFAULTS.items() if key != "minSize"}

    with pytest.raises(SettingsError) as refusal:
        read_settings(texts, region="us-east-1", stack="dev")

    assert str(refusal.value) == (
        "minSize is missing · a value was expected · pulumi config set minSize VALUE --stack dev"
    )


def test_an_image_is_not_copied_to_where_it_is() -> None:
    assert settings_with(copyToRegions='["eu-west-1"]').copy_to_regions == ("eu-west-1",)

    line = problem_with(copyToRegions='["eu-west-1", "us-east-1"]')

    assert line.startswith(
        "copyToRegions has us-east-1, where the image is anyway · other regions were expected"
    )


def test_this_accounts_own_images_may_always_be_used() -> None:
    owners = '["self", "123456789012"]'
    assert settings_with(imageOwners=owners).image_owners == ("self", "123456789012")

    line = problem_with(imageOwners='["123456789012"]')

    assert line.endswith("pulumi config set --path 'imageOwners[0]' self --stack dev")


@pytest.mark.parametrize("region", [None, "", "frankfurt", "us-east-1a"])
def test_a_region_that_is_none_is_refused(region: str | None) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(DEFAULTS, region=region, stack="dev")

    assert "pulumi config set aws:region us-east-1 --stack dev" in str(refusal.value)


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "us-gov-west-1", "ap-southeast-5"])
def test_every_form_of_region_is_taken(region: str) -> None:
    assert read_settings(DEFAULTS, region=region, stack="dev").region == region


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("minsize", "minSize"),
        ("pinedAmi", "pinnedAmi"),
        ("pinned_ami", "pinnedAmi"),
        ("desiredCapcity", "desiredCapacity"),
        ("MaxHealthyPercent", "maxHealthyPercentage"),
    ],
)
def test_a_misspelt_key_is_refused_with_the_one_that_was_meant(misspelt: str, meant: str) -> None:
    assert problem_with(**{misspelt: "1"}) == (
        f"{misspelt} is '1' and no setting · did you mean {meant}? · pulumi config rm {misspelt} --stack dev"
    )


def test_a_key_that_is_like_no_other_is_answered_with_all_there_are() -> None:
    line = problem_with(zzz="1")

    assert all(key in line for key in READERS)


def test_all_problems_are_told_at_once_each_in_a_line_of_its_own() -> None:
    lines = problems_with(minSize="x", smokeTest="x", maxsize="3")

    assert {line.split(" ")[0] for line in lines} == {"maxsize", "smokeTest", "minSize"}


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(
            {**DEFAULTS, "pinnedAmi": "hunter2", "pasword": "hunter3"},
            region="us-east-1",
            stack="dev",
            secret_keys=frozenset({"pinnedAmi", "pasword"}),
        )

    assert "hunter" not in str(refusal.value)
    assert "pinnedAmi is a secret" in str(refusal.value)


@pytest.mark.parametrize("key", READERS)
def test_what_will_stand_in_aws_and_in_errors_cannot_be_a_secret(key: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(DEFAULTS, region="us-east-1", stack="dev", secret_keys=frozenset({key}))

    (line,) = str(refusal.value).splitlines()
    assert line.startswith(f"{key} is a secret · a plain value was expected")
    assert line.endswith("--stack dev --plaintext")


@pytest.mark.parametrize("namespace", ["immutable-machine", "immutable_machines", "imutable-machines"])
def test_a_misspelt_namespace_is_told(namespace: str) -> None:
    keys = [f"{namespace}:minSize", "immutable-machines:maxSize", "aws:region", "other:minSize"]

    assert describe_strangers(keys, "immutable-machines", "dev") == [
        f"{namespace}:minSize is no setting · did you mean immutable-machines:minSize? · "
        f"pulumi config rm {namespace}:minSize --stack dev"
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"minSize": "5"}, "minSize is 5 and maxSize 4"),
        ({"desiredCapacity": "9"}, "desiredCapacity is 9 · one from minSize 2 to maxSize 4"),
        ({"desiredCapacity": "0", "minSize": "0"}, "pulumi config set smokeTest false"),
        (
            {"certificateArn": "arn:aws:acm:eu-west-1:1:certificate/1", "listenerPort": "443"},
            "a certificate in us-east-1, where the load balancer is, was expected",
        ),
        ({"allowedCidrBlocks": '["10.0.0.0/8", "10.0.0.0/8"]'}, "allowedCidrBlocks has 10.0.0.0/8 2 times"),
        ({"copyToRegions": '["eu-west-1", "eu-west-1"]'}, "config rm --path 'copyToRegions[1]'"),
        ({"shareWithAccounts": json.dumps(["123456789012"] * 3)}, "has 123456789012 3 times · each once"),
        ({"subnetIds": json.dumps(["subnet-0123456789abcdef0"] * 2)}, "subnetIds has subnet-0123456789abcd"),
        ({"desiredCapacity": "1"}, "desiredCapacity is 1 · one from minSize 2 to maxSize 4"),
        ({"minHealthyPercentage": "49"}, "pulumi config set maxHealthyPercentage 149"),
        ({"vpcId": "vpc-0123456789abcdef0"}, "without subnetIds"),
        ({"subnetIds": '["subnet-0123456789abcdef0"]'}, "without vpcId"),
        (
            {"certificateArn": "arn:aws:acm:us-east-1:1:certificate/1"},
            "listenerPort is 80 with a certificate",
        ),
        ({"listenerPort": "443"}, "listenerPort is 443 without a certificateArn"),
        ({"promoteFrom": "dev"}, "promoteFrom is dev, this stack itself · another stack was expected"),
        ({"requireVerifiedIn": "dev"}, "pulumi config rm requireVerifiedIn --stack dev"),
        ({"checkpointPercentages": "[50, 50, 100]"}, "checkpointPercentages is 50, 50, 100 · an ascending"),
        ({"checkpointPercentages": "[50, 20]"}, "checkpointPercentages is 50, 20 · an ascending list"),
        ({"checkpointPercentages": "[20, 50]"}, "config set --path 'checkpointPercentages[2]' 100"),
        ({"checkpointDelaySeconds": "60"}, "checkpointDelaySeconds is 60 without checkpointPercentages"),
        ({"secretNames": '["a", "b", "a"]'}, "secretNames has a 2 times · each once was expected"),
        ({"secretNames": '["a", "b", "a"]'}, "pulumi config rm --path 'secretNames[2]'"),
        (
            {"secretNames": json.dumps([ARN.replace("us-east-1", "eu-west-1")])},
            "a secret in us-east-1, where",
        ),
        ({"secretNames": json.dumps([str(number) for number in range(21)])}, "has 21 names · up to 20"),
        ({"bakeTimeSeconds": "7200"}, "pulumi config set rolloutTimeoutMinutes 122"),
        ({"checkpointPercentages": "[10, 50, 100]"}, "rolloutTimeoutMinutes is 120 · 127 or more"),
    ],
)
def test_settings_that_cannot_hold_together_are_refused(changes: dict[str, str], words: str) -> None:
    lines = problems_with(**changes)

    assert any(words in line for line in lines)
    assert all(line.endswith("--stack dev") for line in lines)


@pytest.mark.parametrize(
    "arm64",
    ["a1.large", "t4g.small", "m6g.large", "m7gd.large", "c7gn.metal", "im4gn.large", "is4gen.xlarge"],
)
def test_a_type_that_the_image_does_not_boot_on_is_refused(arm64: str) -> None:
    assert problem_with(instanceType=arm64).startswith(f"instanceType is {arm64}, which is arm64 · ")
    assert settings_with(instanceType=arm64, imageFolder="images/ours").instance_type == arm64


@pytest.mark.parametrize(
    "x86", ["t3.small", "m7i-flex.large", "g4dn.xlarge", "g5.xlarge", "u7i-6tb.112xlarge"]
)
def test_every_other_type_is_taken(x86: str) -> None:
    assert settings_with(instanceType=x86).instance_type == x86


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("profile", "AWS_PROFILE"),
        ("secretKey", "AWS_SECRET_ACCESS_KEY"),
        ("assumeRoles", "AWS_PROFILE"),
        ("endpoints", "AWS_ENDPOINT_URL"),
    ],
)
def test_what_pulumis_provider_alone_would_follow_is_refused_with_where_all_read_it(
    key: str, instead: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(DEFAULTS, region="us-east-1", stack="dev", provider_keys=frozenset({"region", key}))

    line = str(refusal.value)
    assert "\n" not in line
    assert line.startswith(f"aws:{key} is set")
    assert instead in line
    assert line.endswith(f"pulumi config rm aws:{key} --stack dev")


def test_other_keys_of_the_provider_are_its_own_business() -> None:
    keys = frozenset({"region", "allowedAccountIds", "defaultTags"})

    assert read_settings(DEFAULTS, region="us-east-1", stack="dev", provider_keys=keys)


def test_one_subnet_is_too_few_for_a_load_balancer() -> None:
    line = problem_with(vpcId="vpc-0123456789abcdef0", subnetIds='["subnet-0123456789abcdef0"]')

    assert "in different zones" in line


def test_the_greatest_span_of_percentages_that_aws_allows_is_taken() -> None:
    assert settings_with(minHealthyPercentage="50", maxHealthyPercentage="150").min_healthy_percentage == 50


@pytest.mark.parametrize(
    ("desired", "most", "least"),
    [("1", "150", 200), ("1", "100", 200), ("2", "149", 150), ("3", "133", 134), ("10", "109", 110)],
)
def test_a_maximum_without_room_for_an_extra_instance_is_doubted_with_one_that_has(
    desired: str, most: str, least: int
) -> None:
    changes = {"minSize": "1", "maxSize": "10", "desiredCapacity": desired, "maxHealthyPercentage": most}

    (doubt,) = find_doubts(settings_with(**changes))

    assert f"maxHealthyPercentage {most} leaves no room" in doubt
    assert f"; {least} says so openly" in doubt
    assert find_doubts(settings_with(**{**changes, "maxHealthyPercentage": str(least)})) == []


@pytest.mark.parametrize(
    ("desired", "least", "most", "words"),
    [
        ("2", "50", "100", "1 of 2 serve meanwhile; 100 and 150 launch first"),
        ("2", "50", "150", "1 of 2 serve meanwhile; 100 and 150 launch first"),
        ("10", "90", "120", "9 of 10 serve meanwhile; 100 and 120 launch first"),
        ("3", "60", "134", "2 of 3 serve meanwhile; 100 and 134 launch first"),
    ],
)
def test_terminating_before_launching_is_doubted_also_where_an_extra_instance_fits(
    desired: str, least: str, most: str, words: str
) -> None:
    changes = {"minSize": "1", "maxSize": "10", "desiredCapacity": desired}

    (doubt,) = find_doubts(settings_with(**changes, minHealthyPercentage=least, maxHealthyPercentage=most))

    assert words in doubt


def test_a_misspelt_namespace_is_refused_when_the_settings_are_loaded() -> None:
    pulumi.runtime.set_mocks(RecordingMocks(), project=PROJECT["name"], stack="dev")
    own = {f"{NAMESPACE}{key}": value for key, value in DEFAULTS.items()}
    set_all_config({**own, "aws:region": "us-east-1", "immutable-machine:minSize": "3"})
    try:
        with pytest.raises(SettingsError, match="immutable-machine:minSize is no setting · did you mean"):
            load_settings()
    finally:
        set_all_config({})
