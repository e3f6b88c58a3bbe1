"""Roles, the policies attached to them, and instance profiles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from local_aws.plugins.aws.resource import (
    Clients,
    Gone,
    Observed,
    ResourceType,
    Values,
    absent,
    change_tags,
    tag_dict,
    tag_list,
)

NO_SUCH_ENTITY = "NoSuchEntity"


class Role(ResourceType):
    """A role without inline policies."""

    token = "aws:iam/role:Role"  # noqa: S105
    arguments = "iam.RoleArgs"
    served = frozenset({"name", "assumeRolePolicy", "description", "path", "tags"})
    forces_replacement = frozenset({"name", "path"})
    name_length = 64
    defaults: ClassVar[Mapping[str, Any]] = {"path": "/"}
    computed_names = frozenset({"arn", "uniqueId", "createDate", "tagsAll"})

    def create(self, aws: Clients, inputs: Values) -> str:
        """Make it; its id is its name."""
        described = {"Description": inputs["description"]} if inputs.get("description") else {}
        aws("iam").create_role(
            RoleName=inputs["name"],
            Path=inputs["path"],
            AssumeRolePolicyDocument=as_json(inputs["assumeRolePolicy"]),
            Tags=tag_list(inputs.get("tags")),
            **described,
        )
        return str(inputs["name"])

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:
        """Describe it; a policy that means the same keeps the program's wording."""
        role = absent(lambda: aws("iam").get_role(RoleName=resource_id), NO_SUCH_ENTITY)["Role"]
        tags = tag_dict(role.get("Tags"))
        policy = role["AssumeRolePolicyDocument"]
        declared = inputs.get("assumeRolePolicy")
        is_same = declared is not None and json.loads(as_json(declared)) == policy
        return Observed(
            inputs={
                "name": role["RoleName"],
                "path": role["Path"],
                "assumeRolePolicy": declared if is_same else json.dumps(policy),
                "tags": tags,
            },
            computed={
                "arn": role["Arn"],
                "uniqueId": role["RoleId"],
                "createDate": role["CreateDate"].isoformat(),
                "tagsAll": tags,
            },
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Change its trust policy, description or tags."""
        iam = aws("iam")
        if "assumeRolePolicy" in changed:
            iam.update_assume_role_policy(
                RoleName=resource_id, PolicyDocument=as_json(inputs["assumeRolePolicy"])
            )
        if "description" in changed:
            iam.update_role(RoleName=resource_id, Description=inputs.get("description") or "")
        if "tags" in changed:
            change_tags(
                tag_dict(iam.list_role_tags(RoleName=resource_id)["Tags"]),
                inputs.get("tags"),
                remove=lambda keys: iam.untag_role(RoleName=resource_id, TagKeys=keys),
                add=lambda added: iam.tag_role(RoleName=resource_id, Tags=added),
            )

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:  # noqa: ARG002
        """Delete it."""
        absent(lambda: aws("iam").delete_role(RoleName=resource_id), NO_SUCH_ENTITY)


class RolePolicy(ResourceType):
    """One policy that is a role's own."""

    token = "aws:iam/rolePolicy:RolePolicy"  # noqa: S105
    arguments = "iam.RolePolicyArgs"
    served = frozenset({"name", "role", "policy"})
    forces_replacement = frozenset({"name", "role"})
    name_length = 128

    def create(self, aws: Clients, inputs: Values) -> str:
        """Put it; its id has both names."""
        self._put(aws, inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:
        """Read it; a policy that means the same keeps the program's wording."""
        role, _, name = resource_id.partition(":")
        answer = absent(lambda: aws("iam").get_role_policy(RoleName=role, PolicyName=name), NO_SUCH_ENTITY)
        policy = answer["PolicyDocument"]
        declared = inputs.get("policy")
        is_same = declared is not None and json.loads(as_json(declared)) == policy
        return Observed(
            inputs={"role": role, "name": name, "policy": declared if is_same else json.dumps(policy)},
            computed={},
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:  # noqa: ARG002
        """Put what it says now."""
        self._put(aws, inputs)

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:  # noqa: ARG002
        """Delete it."""
        role, _, name = resource_id.partition(":")
        absent(lambda: aws("iam").delete_role_policy(RoleName=role, PolicyName=name), NO_SUCH_ENTITY)

    def _put(self, aws: Clients, inputs: Values) -> None:
        document = as_json(inputs["policy"])
        aws("iam").put_role_policy(
            RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=document
        )


class RolePolicyAttachment(ResourceType):
    """One managed policy of one role."""

    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"  # noqa: S105
    arguments = "iam.RolePolicyAttachmentArgs"
    served = frozenset({"role", "policyArn"})
    forces_replacement = served

    def create(self, aws: Clients, inputs: Values) -> str:
        """Attach it."""
        aws("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}"

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:  # noqa: ARG002
        """Whether it is attached."""
        role, _, policy_arn = resource_id.partition("/")
        attached = absent(lambda: aws("iam").list_attached_role_policies(RoleName=role), NO_SUCH_ENTITY)[
            "AttachedPolicies"
        ]
        if policy_arn not in [policy["PolicyArn"] for policy in attached]:
            raise Gone(resource_id)
        return Observed(inputs={"role": role, "policyArn": policy_arn}, computed={})

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:  # noqa: ARG002
        """Detach it."""
        role, _, policy_arn = resource_id.partition("/")
        absent(lambda: aws("iam").detach_role_policy(RoleName=role, PolicyArn=policy_arn), NO_SUCH_ENTITY)


class InstanceProfile(ResourceType):
    """What hands a role to an instance."""

    token = "aws:iam/instanceProfile:InstanceProfile"  # noqa: S105
    arguments = "iam.InstanceProfileArgs"
    served = frozenset({"name", "role", "path", "tags"})
    forces_replacement = frozenset({"name", "path"})
    name_length = 128
    defaults: ClassVar[Mapping[str, Any]] = {"path": "/"}
    computed_names = frozenset({"arn", "uniqueId", "createDate", "tagsAll"})

    def create(self, aws: Clients, inputs: Values) -> str:
        """Make it; its id is its name."""
        aws("iam").create_instance_profile(
            InstanceProfileName=inputs["name"], Path=inputs["path"], Tags=tag_list(inputs.get("tags"))
        )
        return str(inputs["name"])

    def complete(self, aws: Clients, resource_id: str, inputs: Values) -> None:
        """Give it its role."""
        self._set_role(aws("iam"), resource_id, inputs)

    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:  # noqa: ARG002
        """Describe it."""
        profile = absent(
            lambda: aws("iam").get_instance_profile(InstanceProfileName=resource_id), NO_SUCH_ENTITY
        )["InstanceProfile"]
        tags = tag_dict(profile.get("Tags"))
        roles = [role["RoleName"] for role in profile["Roles"]]
        return Observed(
            inputs={
                "name": profile["InstanceProfileName"],
                "path": profile["Path"],
                "role": roles[0] if roles else None,
                "tags": tags,
            },
            computed={
                "arn": profile["Arn"],
                "uniqueId": profile["InstanceProfileId"],
                "createDate": profile["CreateDate"].isoformat(),
                "tagsAll": tags,
            },
        )

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Change its role or tags."""
        iam = aws("iam")
        if "role" in changed:
            self._set_role(iam, resource_id, inputs)
        if "tags" in changed:
            profile = iam.get_instance_profile(InstanceProfileName=resource_id)["InstanceProfile"]
            change_tags(
                tag_dict(profile["Tags"]),
                inputs.get("tags"),
                remove=lambda keys: iam.untag_instance_profile(InstanceProfileName=resource_id, TagKeys=keys),
                add=lambda added: iam.tag_instance_profile(InstanceProfileName=resource_id, Tags=added),
            )

    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:  # noqa: ARG002
        """Take its role out and delete it."""
        iam = aws("iam")
        absent(lambda: self._remove_roles(iam, resource_id), NO_SUCH_ENTITY)
        absent(lambda: iam.delete_instance_profile(InstanceProfileName=resource_id), NO_SUCH_ENTITY)

    def _set_role(self, iam: Any, name: str, inputs: Values) -> None:
        self._remove_roles(iam, name)
        if inputs.get("role"):
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=inputs["role"])

    def _remove_roles(self, iam: Any, name: str) -> None:
        for role in iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])


def as_json(policy: Any) -> str:
    """A policy document, given as text or as a value, as text."""
    return policy if isinstance(policy, str) else json.dumps(policy)
