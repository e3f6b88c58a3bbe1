"""EC2's actions that moto answers with less than a real machine and a real disk need."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response
from moto.ec2.responses.amis import AmisResponse

from local_aws.home import world_lock
from local_aws.machines.launch_templates import delete_launch_template_versions


def put_actions_on_moto() -> None:
    """Make moto answer with the actions of this file."""
    for action in (
        get_console_output,
        copy_image,
        modify_image_attribute,
        get_ebs_default_kms_key_id,
        delete_launch_template_versions,
    ):
        setattr(EC2Response, action.__name__, action)


def get_console_output(response: Any) -> ActionResult:
    """What the machine last wrote to its console."""
    instance_id = response._get_param("InstanceId")
    output = response.ec2_backend.console_output(instance_id)
    return ActionResult(
        {
            "InstanceId": instance_id,
            "Timestamp": utcnow(),
            "Output": Base64EncodedString.from_raw_string(output),
        }
    )


def copy_image(response: Any) -> ActionResult:
    """CopyImage with its parameters TagSpecifications and Encrypted, by which Packer's encrypt_boot works."""
    response.error_on_dryrun()
    image = response.ec2_backend.copy_image(
        response._get_param("SourceImageId"),
        response._get_param("SourceRegion"),
        response._get_param("Name"),
        response._get_param("Description"),
        encrypted=response._get_bool_param("Encrypted", False),
        tag_specifications=response._get_param("TagSpecifications", []),
    )
    return ActionResult({"ImageId": image.id})


def modify_image_attribute(response: Any) -> ActionResult | EmptyResult:
    """ModifyImageAttribute with the attribute imdsSupport; the others are moto's."""
    imds_support = response._get_param("ImdsSupport", {}).get("Value")
    if not imds_support:
        return AmisResponse.modify_image_attribute(response)
    response.error_on_dryrun()
    if imds_support != "v2.0":
        raise EC2ClientError("InvalidParameterValue", f"Invalid value '{imds_support}': use v2.0")
    with world_lock:
        response.ec2_backend.describe_images(ami_ids=[response._get_param("ImageId")])[
            0
        ].imds_support = imds_support
    return EmptyResult()


def get_ebs_default_kms_key_id(response: Any) -> ActionResult:
    """The account's key for new volumes and copies: AWS's own, until ModifyEbsDefaultKmsKeyId named one."""
    return ActionResult({"KmsKeyId": response.ec2_backend.default_kms_key_id or "alias/aws/ebs"})
