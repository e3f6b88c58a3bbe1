"""Request, launch template and AMI together make a launch."""

from __future__ import annotations

from typing import Any

from local_aws.machines.launch import block_devices, instance_profile, with_template

ROOT = {
    "DeviceName": "/dev/xvda",
    "Ebs": {"SnapshotId": "snap-1", "VolumeSize": 8, "VolumeType": "gp3", "Encrypted": False},
}


def test_a_launch_without_template_keeps_what_was_asked() -> None:
    arguments = with_template({"metadata_options": {"HttpTokens": "required"}, "tags": {}}, {})

    assert arguments["metadata_options"] == {"HttpTokens": "required"}
    assert arguments["tags"] == {"volume": {}}


def test_a_template_gives_metadata_options_monitoring_devices_and_volume_tags() -> None:
    template: dict[str, Any] = {
        "MetadataOptions": {"HttpTokens": "required"},
        "Monitoring": {"Enabled": True},
        "InstanceInitiatedShutdownBehavior": "terminate",
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20}}],
        "TagSpecifications": [
            {
                "ResourceType": "volume",
                "Tags": [{"Key": "a", "Value": "old"}, {"Key": "b", "Value": "x"}],
            },
            {"ResourceType": "instance", "Tags": [{"Key": "c", "Value": "y"}]},
        ],
    }

    arguments = with_template({"tags": {"volume": {"a": "request"}}}, template)

    assert arguments["metadata_options"] == {"HttpTokens": "required"}
    assert arguments["monitoring_state"] == "enabled"
    assert arguments["instance_initiated_shutdown_behavior"] == "terminate"
    assert arguments["block_device_mappings"] == template["BlockDeviceMappings"]
    assert arguments["tags"]["volume"] == {"a": "request", "b": "x"}


def test_the_request_overrides_the_template() -> None:
    arguments = with_template(
        {"metadata_options": {"HttpTokens": "optional"}, "block_device_mappings": []},
        {"MetadataOptions": {"HttpTokens": "required"}, "BlockDeviceMappings": [ROOT]},
    )

    assert arguments["metadata_options"] == {"HttpTokens": "optional"}
    assert arguments["block_device_mappings"] == []


def test_network_interfaces_of_a_template_go_into_the_subnet_that_auto_scaling_chose() -> None:
    template = {"NetworkInterfaces": [{"Groups": ["sg-1"], "AssociatePublicIpAddress": True}]}

    arguments = with_template({"subnet_id": "subnet-1"}, template)

    assert arguments["nics"] == [
        {"DeviceIndex": 0, "Groups": ["sg-1"], "AssociatePublicIpAddress": True, "SubnetId": "subnet-1"}
    ]
    assert "SubnetId" not in template["NetworkInterfaces"][0]


def test_a_launch_that_asks_for_no_volume_gets_the_images() -> None:
    assert block_devices([ROOT], None) == [ROOT]


def test_the_root_volume_is_the_images_with_what_the_launch_changes() -> None:
    asked = {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "VolumeSize": 20, "SnapshotId": None}}

    devices = block_devices([ROOT], [asked])

    assert devices == [
        {
            "DeviceName": "/dev/xvda",
            "Ebs": {"SnapshotId": "snap-1", "VolumeSize": 20, "VolumeType": "gp3", "Encrypted": True},
        }
    ]
    assert ROOT["Ebs"]["VolumeSize"] == 8  # type: ignore[index]


def test_further_volumes_are_added_and_a_device_can_be_left_out() -> None:
    further = {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 1}}
    left_out = {"DeviceName": "/dev/xvda", "NoDevice": ""}

    devices = block_devices([ROOT], [further, left_out])

    assert devices == [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 1, "VolumeType": "gp3"}}]


def test_an_instance_profile_is_named_by_arn_or_by_name() -> None:
    assert instance_profile({"IamInstanceProfile": {"Arn": "arn:x"}}) == {"iam_instance_profile_arn": "arn:x"}
    assert instance_profile({"IamInstanceProfile": {"Name": "x"}}) == {"iam_instance_profile_name": "x"}
    assert instance_profile({}) == {}
