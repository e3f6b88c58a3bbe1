"""Lets other accounts use an AMI, and tells beforehand when its encryption key would not let them.

EC2 user guide, "Share an AMI with specific AWS accounts": an AMI whose snapshots are encrypted can be shared
when their key is customer-managed, and the other account uses it when the key's policy or a grant lets it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from image_builder.ami import UNUSABLE_STATES, Ami
from image_builder.ec2_client import error_code
from image_builder.releasing.key_policies import access_of

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

AWS_KEY = "alias/aws/ebs"
"""An account's default, until it names another (EBS user guide, "Amazon EBS encryption")."""
DENIED_CODES = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a key tells."""

    refusal: str = ""
    """Why it cannot be used by all, as far as is certain."""
    warning: str = ""
    """Why it is not certain that it can."""


def find_accounts(ec2: EC2Client, ami: Ami) -> list[str]:
    """Whom *ami* is shared with: accounts, organisations, or `everybody`."""
    if ami.state in UNUSABLE_STATES:
        return []  # AWS tells nothing of it (InvalidAMIID.Unavailable), and nobody can launch it.
    answer = ec2.describe_image_attribute(ImageId=ami.ami_id, Attribute="launchPermission")
    return sorted(
        one.get("UserId") or one.get("OrganizationArn") or one.get("OrganizationalUnitArn") or "everybody"
        for one in answer["LaunchPermissions"]
    )


def keys_of(ec2: EC2Client, ami: Ami) -> list[str]:
    """The keys that the snapshots of *ami* are encrypted with."""
    if not ami.snapshot_ids:
        return []
    found = ec2.describe_snapshots(SnapshotIds=list(ami.snapshot_ids))["Snapshots"]
    return sorted({one["KmsKeyId"] for one in found if one.get("KmsKeyId")})


def default_key(ec2: EC2Client) -> str:
    """What a copy is encrypted with where no key is named: the default, which the account may have set."""
    try:
        return ec2.get_ebs_default_kms_key_id()["KmsKeyId"]
    except ClientError as error:
        if error_code(error) in DENIED_CODES:
            return AWS_KEY  # Whoever may not ask gets the more usual answer.
        raise


def judge_key(kms: Any, key: str, accounts: Sequence[str], region: str) -> Judgement:
    """Whether *accounts* could use what is encrypted with *key*, as far as the key tells."""
    try:
        described = kms.describe_key(KeyId=key)["KeyMetadata"]
    except ClientError as error:
        return Judgement(
            refusal=f"KMS key {key} cannot be looked at in {region}: {error_code(error)} · a key there was "
            "expected · make it, or the alias, in that region"
        )
    # KMS developer guide, "Aliases": those of AWS's own keys begin with alias/aws/.
    if described["KeyManager"] == "AWS" or "alias/aws/" in key:
        return Judgement(
            refusal=f"{key} in {region} is a key of AWS's own, whose images cannot be shared · a "
            "customer-managed key was expected · make one, with one alias in each region, name it "
            "(imageKmsKey, --kms-key), and have the image built anew"
        )
    try:
        policy = json.loads(kms.get_key_policy(KeyId=described["KeyId"], PolicyName="default")["Policy"])
        grants = kms.list_grants(KeyId=described["KeyId"])["Grants"]
    except ClientError as error:
        if error_code(error) in DENIED_CODES:
            return Judgement(warning=f"{_untold(key, region, accounts)}: {error_code(error)}")
        raise
    access = {account: access_of(account, policy, grants, region) for account in accounts}
    refused = {account: one.refused for account, one in access.items() if one.refused}
    if refused:
        told = "; ".join(f"{account} {', '.join(actions)}" for account, actions in refused.items())
        return Judgement(
            refusal=f"KMS key {key} in {region} does not allow {told} · leave to use the key was expected · "
            "allow kms:DescribeKey, Decrypt, ReEncrypt*, GenerateDataKey* and CreateGrant to "
            f"arn:aws:iam::{next(iter(refused))}:root in its policy"
        )
    untold = [account for account, one in access.items() if one.untold]
    conditions = "its policy has conditions that are not known here"
    return Judgement(warning=f"{_untold(key, region, untold)}: {conditions}" if untold else "")


def _untold(key: str, region: str, accounts: Sequence[str]) -> str:
    return f"whether KMS key {key} in {region} lets in {', '.join(accounts)} cannot be told"


def share(ec2: EC2Client, ami: Ami, accounts: Sequence[str]) -> list[str]:
    """Let *accounts* launch *ami* and copy its snapshots; those that could not before."""
    permissions = ec2.describe_image_attribute(ImageId=ami.ami_id, Attribute="launchPermission")
    present = {one.get("UserId") for one in permissions["LaunchPermissions"]}
    new = [account for account in accounts if account not in present]
    # Snapshots each time: an interrupted run may have got as far as the AMI.
    for snapshot_id in ami.snapshot_ids:
        ec2.modify_snapshot_attribute(
            SnapshotId=snapshot_id,
            Attribute="createVolumePermission",
            OperationType="add",
            UserIds=list(accounts),
        )
    if new:
        ec2.modify_image_attribute(
            ImageId=ami.ami_id, LaunchPermission={"Add": [{"UserId": account} for account in new]}
        )
    return new


def find_shared(ec2: EC2Client, amis: Iterable[Ami]) -> tuple[dict[str, list[str]], str]:
    """Whom those of *amis* are shared with that are, by id, and why that is not known of all of them."""
    shared: dict[str, list[str]] = {}
    for ami in amis:
        try:
            if accounts := find_accounts(ec2, ami):
                shared[ami.ami_id] = accounts
        except ClientError as error:
            return shared, f"whom {ami.ami_id} is shared with could not be asked: {error_code(error)}"
    return shared, ""


def unshare(ec2: EC2Client, ami: Ami) -> None:
    """Let no other account launch *ami*, nor copy its snapshots; what they copied or launched stays."""
    for snapshot_id in ami.snapshot_ids:
        told = ec2.describe_snapshot_attribute(SnapshotId=snapshot_id, Attribute="createVolumePermission")
        if permissions := told["CreateVolumePermissions"]:
            ec2.modify_snapshot_attribute(
                SnapshotId=snapshot_id,
                Attribute="createVolumePermission",
                CreateVolumePermission={"Remove": permissions},
            )
    told_of_image = ec2.describe_image_attribute(ImageId=ami.ami_id, Attribute="launchPermission")
    if launch_permissions := told_of_image["LaunchPermissions"]:
        ec2.modify_image_attribute(ImageId=ami.ami_id, LaunchPermission={"Remove": launch_permissions})
