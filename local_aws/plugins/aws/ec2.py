"""Security groups, their rules, and launch templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from local_aws.plugins.aws.resource import (
    Clients,
    Gone,
    Observed,
    ResourceType,
    Values,
    absent,
    error_code,
    pascal,
    retag,
    retry_while,
    tag_dict,
    tag_list,
    tag_specification,
)


class SecurityGroup(ResourceType):
    """Without rules of its own: those are resources."""

    token = "aws:ec2/securityGroup:SecurityGroup"  # noqa: S105
    arguments = "ec2.SecurityGroupArgs"
    served = frozenset({"name", "description", "vpcId", "tags", "revokeRulesOnDelete"})
    forces_replacement = frozenset({"name", "description", "vpcId"})
    name_length = 255
    defaults: ClassVar[Mapping[str, Any]] = {"description": "Managed by Pulumi", "revokeRulesOnDelete": False}
    computed_names = frozenset({"arn", "ownerId", "tagsAll", "vpcId"})

    def create(self, aws: Clients, inputs: Values) -> str:
        """Make it, without the rule that lets everything out (the upstream provider takes that away, too)."""
        ec2 = aws("ec2")
        vpc = {"VpcId": inputs["vpcId"]} if inputs.get("vpcId") else {}
        group_id = str(
            ec2.create_security_group(
                GroupName=inputs["name"],
                Description=inputs["description"],
                TagSpecifications=tag_specification("security-group", inputs.get("tags")),
                **vpc,
            )["GroupId"]
        )
        group = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
        if group["IpPermissionsEgress"]:
            ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=group["IpPermissionsEgress"])
        return group_id

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:  # noqa: ARG002
        """Describe it."""
        groups = absent(
            lambda: aws("ec2").describe_security_groups(GroupIds=[resource_id]), "InvalidGroup.NotFound"
        )["SecurityGroups"]
        if not groups:
            raise Gone(resource_id)
        group = groups[0]
        tags = tag_dict(group.get("Tags"))
        owner = group["OwnerId"]
        return Observed(
            inputs={
                "name": group["GroupName"],
                "description": group["Description"],
                "vpcId": group["VpcId"],
                "tags": tags,
            },
            computed={
                "arn": f"arn:aws:ec2:{aws.region}:{owner}:security-group/{resource_id}",
                "ownerId": owner,
                "tagsAll": tags,
            },
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Only tags can change in place."""
        if "tags" in changed:
            retag(aws("ec2"), resource_id, inputs.get("tags"))

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:  # noqa: ARG002
        """Wait until nothing uses it, as the upstream provider does."""
        ec2 = aws("ec2")
        absent(
            lambda: retry_while(
                lambda: ec2.delete_security_group(GroupId=resource_id), {"DependencyViolation"}
            ),
            "InvalidGroup.NotFound",
        )


class SecurityGroupRule(ResourceType):
    """One rule of a security group, in one direction."""

    direction: ClassVar[str]
    served = frozenset(
        {
            "securityGroupId",
            "description",
            "cidrIpv4",
            "referencedSecurityGroupId",
            "ipProtocol",
            "fromPort",
            "toPort",
            "tags",
        }
    )
    forces_replacement = frozenset(served - {"tags"})
    computed_names = frozenset({"arn", "securityGroupRuleId", "tagsAll"})

    def create(self, aws: Clients, inputs: Values) -> str:
        """Authorize it."""
        described = {"Description": inputs["description"]} if inputs.get("description") else {}
        permission: Values = {"IpProtocol": str(inputs["ipProtocol"])}
        if inputs.get("cidrIpv4"):
            permission["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], **described}]
        if inputs.get("referencedSecurityGroupId"):
            permission["UserIdGroupPairs"] = [{"GroupId": inputs["referencedSecurityGroupId"], **described}]
        for name, key in (("fromPort", "FromPort"), ("toPort", "ToPort")):
            if inputs.get(name) is not None:
                permission[key] = inputs[name]
        authorize = getattr(aws("ec2"), f"authorize_security_group_{self.direction}")
        answer = authorize(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[permission],
            TagSpecifications=tag_specification("security-group-rule", inputs.get("tags")),
        )
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:
        """Describe it."""
        rules = absent(
            lambda: aws("ec2").describe_security_group_rules(SecurityGroupRuleIds=[resource_id]),
            "InvalidSecurityGroupRuleId.NotFound",
        )["SecurityGroupRules"]
        if not rules:
            raise Gone(resource_id)
        return Observed(
            inputs={},
            computed={
                "arn": f"arn:aws:ec2:{aws.region}::security-group-rule/{resource_id}",
                "securityGroupRuleId": resource_id,
                "tagsAll": dict(inputs.get("tags") or {}),
            },
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Only tags can change in place."""
        if "tags" in changed:
            retag(aws("ec2"), resource_id, inputs.get("tags"))

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:
        """Revoke it."""
        revoke = getattr(aws("ec2"), f"revoke_security_group_{self.direction}")
        absent(
            lambda: revoke(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[resource_id]),
            "InvalidSecurityGroupRuleId.NotFound",
            "InvalidGroup.NotFound",
            "InvalidPermission.NotFound",
        )


class SecurityGroupIngressRule(SecurityGroupRule):
    """What may come in."""

    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"  # noqa: S105
    arguments = "vpc.SecurityGroupIngressRuleArgs"
    direction = "ingress"


class SecurityGroupEgressRule(SecurityGroupRule):
    """What may go out."""

    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"  # noqa: S105
    arguments = "vpc.SecurityGroupEgressRuleArgs"
    direction = "egress"


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
        is_as_declared = latest == self.to_launch_template_data(inputs)
        observed: Values = {"name": template["LaunchTemplateName"], "tags": tags}
        if not is_as_declared:
            observed |= {"imageId": latest.get("ImageId"), "instanceType": latest.get("InstanceType")}
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
