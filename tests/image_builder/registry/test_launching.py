"""What may launch which image, in every form that Auto Scaling tells it."""

from __future__ import annotations

from typing import Any

import pytest

from image_builder.registry.launch_templates import TemplateVersion, Version
from image_builder.registry.launching import Launching, launchers, launching_of

VERSIONS = [
    Version(
        template_id="lt-1",
        template_name="web",
        number=number,
        ami_id=f"ami-0000000{number}",
        is_default=number == 1,
    )
    for number in range(1, 5)
]


def of_template(version: str = "", template_id: str = "lt-1") -> Launching:
    return launching_of({"LaunchTemplate": {"LaunchTemplateId": template_id, "Version": version}})


def mixed(*overrides: dict[str, Any]) -> dict[str, Any]:
    specification = {"LaunchTemplateId": "lt-1", "Version": "2"}
    return {
        "MixedInstancesPolicy": {
            "LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": [*overrides]}
        }
    }


@pytest.mark.parametrize(
    ("described", "amis"),
    [
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "3"}}, {"ami-00000003"}),
        ({"LaunchTemplate": {"LaunchTemplateName": "web", "Version": "3"}}, {"ami-00000003"}),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-1"}}, {"ami-00000001"}),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "$Default"}}, {"ami-00000001"}),
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "$Latest"}}, {"ami-00000004"}),
        (mixed(), {"ami-00000002"}),
        (mixed({"InstanceType": "m6i.large"}), {"ami-00000002"}),
        (mixed({"ImageId": "ami-00000009"}), {"ami-00000002", "ami-00000009"}),
        (
            mixed({"LaunchTemplateSpecification": {"LaunchTemplateName": "web", "Version": "3"}}),
            {"ami-00000002", "ami-00000003"},
        ),
        ({"LaunchConfigurationName": "old"}, {"ami-00000007"}),
        ({"Instances": [{"InstanceId": "i-1", "ImageId": "ami-00000008"}, {}]}, {"ami-00000008"}),
        ({}, set()),
    ],
)
def test_every_form_in_which_a_group_or_its_rollout_names_an_image_is_read(
    described: dict[str, Any], amis: set[str]
) -> None:
    launching, configured = launching_of(described), {"old": "ami-00000007"}

    of_groups = launchers({"web": launching}, {}, VERSIONS, configured)
    of_rollouts = launchers({}, {"web": launching}, VERSIONS, configured)

    assert {ami for ami, why in of_groups.by_ami.items() if "launched by web" in why} == amis
    assert {ami for ami, why in of_rollouts.by_ami.items() if "being rolled out in web" in why} == amis
    assert of_groups.unresolved == of_rollouts.unresolved == []


def test_all_that_may_launch_an_image_is_told_and_what_the_next_rollout_would_name() -> None:
    told = launchers(
        {"a": of_template("2"), "b": of_template("2")}, {"a": of_template("3")}, VERSIONS, {}
    ).by_ami

    assert told == {
        "ami-00000002": ["launched by a", "launched by b"],
        "ami-00000003": ["being rolled out in a"],
        "ami-00000004": ["in the newest version of lt-1"],
    }


def test_a_rollout_to_a_version_that_cannot_be_seen_is_not_resolved() -> None:
    told = launchers({"a": of_template("9")}, {"b": of_template("9")}, VERSIONS, {})

    assert told.unresolved == ["being rolled out in b is a launch template version that is not there"]


def test_a_parameter_that_holds_no_image_is_not_resolved() -> None:
    alias = Version(template_id="lt-2", number=1, ami_id="resolve:ssm:golden", is_default=True, is_alias=True)

    told = launchers({"a": of_template("$Default", "lt-2")}, {}, [alias], {})

    assert told.unresolved == [
        "launched by a is resolve:ssm:golden",
        "in the newest version of lt-2 is resolve:ssm:golden",
    ]


def test_the_first_template_is_that_of_all_instance_types() -> None:
    launching = launching_of(mixed({"LaunchTemplateSpecification": {"LaunchTemplateId": "lt-2"}}))

    assert launching.template == TemplateVersion(template_id="lt-1", version="2")
    assert launching.templates[1] == TemplateVersion(template_id="lt-2", version="$Default")
