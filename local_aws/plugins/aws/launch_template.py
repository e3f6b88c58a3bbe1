"""Launch templates and their versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local_aws.plugins.aws.resource import (
    Clients,
    Gone,
    Observed,
    ResourceType,
    Values,
    absent,
    camel,
    error_code,
    pascal,
    retag,
    tag_dict,
    tag_list,
    tag_specification,
)


class LaunchTemplate(ResourceType):
    """A change of what it launches makes a new numbered version."""

    token = "aws:ec2/launchTemplate:LaunchTemplate"  # noqa: S105
    arguments = "ec2.LaunchTemplateArgs"
    launch_properties = frozenset(
        {
            "imageId",
            "instanceType",
            "iamInstanceProfile",
            "vpcSecurityGroupIds",
            "metadataOptions",
            "monitoring",
            "blockDeviceMappings",
            "tagSpecifications",
            "userData",
            "keyName",
        }
    )
    cleared_names = launch_properties
    served = launch_properties | {"name", "description", "tags"}
    forces_replacement = frozenset({"name"})
    name_length = 125
    computed_names = frozenset({"arn", "latestVersion", "defaultVersion", "tagsAll"})

    def names_unknown_after(self, changed: frozenset[str]) -> frozenset[str]:
        """A new version has a number that AWS gives."""
        makes_a_version = changed & (self.launch_properties | {"description"})
        return frozenset({"latestVersion"}) if makes_a_version else frozenset()

    def create(self, aws: Clients, inputs: Values) -> str:
        """Make it with its first version."""
        described = {"VersionDescription": inputs["description"]} if inputs.get("description") else {}
        answer = aws("ec2").create_launch_template(
            LaunchTemplateName=inputs["name"],
            LaunchTemplateData=self.to_launch_template_data(inputs),
            TagSpecifications=tag_specification("launch-template", inputs.get("tags")),
            **described,
        )
        return str(answer["LaunchTemplate"]["LaunchTemplateId"])

    def to_launch_template_data(self, inputs: Values) -> Values:
        """LaunchTemplateData of *inputs*."""
        data: Values = {}
        for name, key in (("imageId", "ImageId"), ("instanceType", "InstanceType"), ("userData", "UserData")):
            if inputs.get(name):
                data[key] = inputs[name]
        if inputs.get("keyName"):
            data["KeyName"] = inputs["keyName"]
        if inputs.get("vpcSecurityGroupIds"):
            data["SecurityGroupIds"] = list(inputs["vpcSecurityGroupIds"])
        for name in ("iamInstanceProfile", "metadataOptions", "monitoring"):
            if inputs.get(name):
                data[name[0].upper() + name[1:]] = pascal(inputs[name])
        if inputs.get("blockDeviceMappings"):
            data["BlockDeviceMappings"] = [to_block_device(item) for item in inputs["blockDeviceMappings"]]
        if inputs.get("tagSpecifications"):
            data["TagSpecifications"] = [
                {"ResourceType": item["resourceType"], "Tags": tag_list(item.get("tags"))}
                for item in inputs["tagSpecifications"]
            ]
        return data

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:
        """Describe it; the launch properties are those of its latest version."""
        ec2 = aws("ec2")
        templates = absent(
            lambda: ec2.describe_launch_templates(LaunchTemplateIds=[resource_id]),
            "InvalidLaunchTemplateId.NotFound",
            "InvalidLaunchTemplateId.NotFoundException",
        )["LaunchTemplates"]
        if not templates:
            raise Gone(resource_id)
        template = templates[0]
        latest = ec2.describe_launch_template_versions(
            LaunchTemplateId=resource_id, Versions=[str(template["LatestVersionNumber"])]
        )["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        tags = tag_dict(template.get("Tags"))
        observed: Values = {"name": template["LaunchTemplateName"], "tags": tags}
        declared = from_launch_template_data(self.to_launch_template_data(inputs))
        shown = from_launch_template_data(latest)
        if shown != declared:
            observed |= {name: shown.get(name) for name in self.launch_properties}
        return Observed(
            inputs=observed,
            computed={
                "arn": f"arn:aws:ec2:{aws.region}::launch-template/{resource_id}",
                "latestVersion": template["LatestVersionNumber"],
                "defaultVersion": template["DefaultVersionNumber"],
                "tagsAll": tags,
            },
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Add a version when what it launches changed; the default version stays (updateDefaultVersion)."""
        ec2 = aws("ec2")
        if self.names_unknown_after(changed):
            described = {"VersionDescription": inputs["description"]} if inputs.get("description") else {}
            ec2.create_launch_template_version(
                LaunchTemplateId=resource_id,
                LaunchTemplateData=self.to_launch_template_data(inputs),
                **described,
            )
        if "tags" in changed:
            retag(ec2, resource_id, inputs.get("tags"))

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:  # noqa: ARG002
        """Delete it with its versions."""
        try:
            aws("ec2").delete_launch_template(LaunchTemplateId=resource_id)
        except ClientError as error:
            if "NotFound" not in error_code(error):
                raise


def to_block_device(mapping: Mapping[str, Any]) -> Values:
    """One block device of LaunchTemplateData; the SDK types its truth values as text."""
    ebs = {
        key: value == "true" if value in ("true", "false") else value
        for key, value in pascal(mapping.get("ebs") or {}).items()
    }
    return {"DeviceName": mapping["deviceName"], "Ebs": ebs}


def from_launch_template_data(data: Mapping[str, Any]) -> Values:
    """The launch properties of LaunchTemplateData, as a program gives them."""
    shown: Values = camel(
        {key: value for key, value in data.items() if key not in ("BlockDeviceMappings", "TagSpecifications")}
    )
    if "securityGroupIds" in shown:
        shown["vpcSecurityGroupIds"] = shown.pop("securityGroupIds")
    if data.get("BlockDeviceMappings"):
        shown["blockDeviceMappings"] = [from_block_device(item) for item in data["BlockDeviceMappings"]]
    specifications = [
        {"resourceType": item["ResourceType"], "tags": tag_dict(item.get("Tags"))}
        for item in data.get("TagSpecifications") or []
        # moto shows the tags of the template itself among them.
        if item["ResourceType"] != "launch-template"
    ]
    return {**shown, **({"tagSpecifications": specifications} if specifications else {})}


def from_block_device(mapping: Mapping[str, Any]) -> Values:
    """The opposite of to_block_device."""
    ebs = {
        key: str(value).lower() if isinstance(value, bool) else value
        for key, value in camel(mapping.get("Ebs") or {}).items()
    }
    return {"deviceName": mapping["DeviceName"], "ebs": ebs}
