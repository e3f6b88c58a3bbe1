"""Security groups and their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from local_aws.plugins.aws.resource import (
    Clients,
    Gone,
    Observed,
    ResourceType,
    Values,
    absent,
    retag,
    retry_while,
    tag_dict,
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
        """Make it."""
        vpc = {"VpcId": inputs["vpcId"]} if inputs.get("vpcId") else {}
        answer = aws("ec2").create_security_group(
            GroupName=inputs["name"],
            Description=inputs["description"],
            TagSpecifications=tag_specification("security-group", inputs.get("tags")),
            **vpc,
        )
        return str(answer["GroupId"])

    def complete(self, aws: Clients, resource_id: str, inputs: Values) -> None:  # noqa: ARG002
        """Take away the rule that lets everything out, as the upstream provider does."""
        ec2 = aws("ec2")
        group = ec2.describe_security_groups(GroupIds=[resource_id])["SecurityGroups"][0]
        if group["IpPermissionsEgress"]:
            ec2.revoke_security_group_egress(GroupId=resource_id, IpPermissions=group["IpPermissionsEgress"])

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
    # The last one could be changed in place (DIFFERENCES.md).
    forces_replacement = frozenset({"securityGroupId", "referencedSecurityGroupId"})
    sources = frozenset({"cidrIpv4", "referencedSecurityGroupId"})
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

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:  # noqa: ARG002
        """Describe it."""
        rules = absent(
            lambda: aws("ec2").describe_security_group_rules(SecurityGroupRuleIds=[resource_id]),
            "InvalidSecurityGroupRuleId.NotFound",
        )["SecurityGroupRules"]
        if not rules:
            raise Gone(resource_id)
        rule, tags = rules[0], tag_dict(rules[0].get("Tags"))
        shown = {
            "securityGroupId": rule["GroupId"],
            "description": rule.get("Description"),
            "cidrIpv4": rule.get("CidrIpv4"),
            "referencedSecurityGroupId": (rule.get("ReferencedGroupInfo") or {}).get("GroupId"),
            "ipProtocol": rule["IpProtocol"],
            "fromPort": rule.get("FromPort"),
            "toPort": rule.get("ToPort"),
            "tags": tags,
        }
        return Observed(
            # A port of -1 stands for all of them, which a program says by none.
            inputs={name: value for name, value in shown.items() if value not in (None, -1)},
            computed={
                "arn": f"arn:aws:ec2:{aws.region}::security-group-rule/{resource_id}",
                "securityGroupRuleId": resource_id,
                "tagsAll": tags,
            },
        )

    def find_replacing(self, changed: frozenset[str], olds: Values, news: Values) -> frozenset[str]:
        """Another kind of source replaces it, too (ModifySecurityGroupRules, EC2 API reference)."""
        kinds = [{name for name in self.sources if values.get(name)} for values in (olds, news)]
        others = changed & self.sources if kinds[0] != kinds[1] else frozenset()
        return super().find_replacing(changed, olds, news) | others

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Change what it says, or its tags."""
        if changed - {"tags"}:
            aws("ec2").modify_security_group_rules(
                GroupId=inputs["securityGroupId"],
                SecurityGroupRules=[
                    {"SecurityGroupRuleId": resource_id, "SecurityGroupRule": self._to_request(inputs)}
                ],
            )
        if "tags" in changed:
            retag(aws("ec2"), resource_id, inputs.get("tags"))

    def _to_request(self, inputs: Values) -> Values:
        """SecurityGroupRuleRequest of *inputs*; -1 stands for all ports."""
        ports = {
            key: -1 if inputs.get(name) is None else inputs[name]
            for name, key in (("fromPort", "FromPort"), ("toPort", "ToPort"))
        }
        source = (
            {"CidrIpv4": inputs["cidrIpv4"]}
            if inputs.get("cidrIpv4")
            else {"ReferencedGroupId": inputs["referencedSecurityGroupId"]}
        )
        description = inputs.get("description") or ""
        return {"IpProtocol": str(inputs["ipProtocol"]), "Description": description, **ports, **source}

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
