"""Copies in other regions and for other accounts, against an emulated EC2."""

from __future__ import annotations

import json
from typing import Any

import boto3
import botocore.client
import pytest

from image_builder.__main__ import main
from image_builder.image_copies import ImageCopiesProvider
from image_builder.releasing.originals import TAG_COPIED_FROM, tags_of_copy
from image_builder.releasing.sharing import judge_key
from tests.image_builder.emulated_ec2 import REGION, EmulatedEc2

ELSEWHERE, ACCOUNT = "eu-west-1", "111122223333"


@pytest.fixture
def image(ec2: EmulatedEc2, monkeypatch: pytest.MonkeyPatch) -> str:
    """An image of ours, with a document on its snapshot."""
    call = vars(botocore.client.BaseClient)["_make_api_call"]

    def call_with_tags(client: Any, operation: str, request: dict[str, Any]) -> Any:
        # moto passes over the TagSpecifications of CopyImage, which EC2 has (EC2 API reference), and takes a
        # name that is taken; it does not know the account's default key.
        if operation == "GetEbsDefaultKmsKeyId":
            return {"KmsKeyId": "alias/aws/ebs"}
        if operation == "CopyImage":
            names = call(client, "DescribeImages", {"Owners": ["self"]})["Images"]
            assert request["Name"] not in [image.get("Name") for image in names]
        answer = call(client, operation, request)
        if operation == "CopyImage":
            assert request["Encrypted"]
            of_kind = {one["ResourceType"]: one["Tags"] for one in request["TagSpecifications"]}
            assert {"Key": "FileDigests:01", "Value": "eJw"} in of_kind["snapshot"]
            client.create_tags(Resources=[answer["ImageId"]], Tags=of_kind["image"])
        return answer

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call_with_tags)
    ami_id = ec2.image_of_an_instance("web-app-0123456789ab")
    client = ec2.client()
    client.create_tags(
        Resources=[ami_id],
        Tags=[{"Key": "Verified", "Value": "now"}, {"Key": "VerifiedIn:dev", "Value": "now"}],
    )
    client.create_tags(Resources=[snapshot_of(ec2, ami_id)], Tags=[{"Key": "FileDigests:01", "Value": "eJw"}])
    return ami_id


def snapshot_of(ec2: EmulatedEc2, ami_id: str) -> str:
    image = ec2.client().describe_images(ImageIds=[ami_id])["Images"][0]
    return image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]


def copies_of(ec2: EmulatedEc2, ami_id: str) -> list[str]:
    """The ids of what is tagged as a copy."""
    found = ec2.client(ELSEWHERE).describe_images(
        Owners=["self"], Filters=[{"Name": f"tag:{TAG_COPIED_FROM}", "Values": [f"{REGION}/{ami_id}"]}]
    )
    return [image["ImageId"] for image in found["Images"]]


def users_of(ec2: EmulatedEc2, ami_id: str) -> list[str]:
    """The accounts that may launch the AMI."""
    told = ec2.client().describe_image_attribute(ImageId=ami_id, Attribute="launchPermission")
    return [one["UserId"] for one in told["LaunchPermissions"]]


def test_a_copy_is_made_once_with_its_tags(
    ec2: EmulatedEc2, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = []
    for _ in range(2):
        assert main(["copy", image, "--to-region", ELSEWHERE, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))

    assert answers[0] == answers[1]
    assert copies_of(ec2, image) == [answers[0][0]["ami_id"]]
    tags = ec2.client(ELSEWHERE).describe_images(ImageIds=copies_of(ec2, image))["Images"][0]["Tags"]
    assert {tag["Key"] for tag in tags} == {"Verified", "VerifiedIn:dev", TAG_COPIED_FROM}
    assert ec2.tags_of(image)[f"CopiedTo:{ELSEWHERE}"] == answers[0][0]["ami_id"]


def test_a_revoked_image_is_not_copied(
    ec2: EmulatedEc2, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ec2.client().create_tags(
        Resources=[image], Tags=[{"Key": "Revoked", "Value": "2026-01-01T00:00:00Z by me: broken"}]
    )

    assert main(["copy", image, "--to-region", ELSEWHERE]) == 1

    assert "Revoked" in capsys.readouterr().err
    assert not copies_of(ec2, image)


def test_what_is_told_of_the_original_alone_is_not_on_its_copy() -> None:
    tags = {"Verified": "now", "VerifiedIn:dev": "now", "CopiedTo:eu-west-1": "ami-2", "aws:x": "y"}

    copied = tags_of_copy(tags, REGION, "ami-1")

    assert copied == {"Verified": "now", "VerifiedIn:dev": "now", "CopiedFrom": f"{REGION}/ami-1"}


def test_a_copy_that_is_there_already_is_told_where_its_original_succeeded_since(
    ec2: EmulatedEc2, image: str
) -> None:
    assert main(["copy", image, "--to-region", ELSEWHERE]) == 0
    ec2.client().create_tags(
        Resources=[image], Tags=[{"Key": "VerifiedIn:test", "Value": "2026-02-01T00:00:00Z"}]
    )

    assert main(["copy", image, "--to-region", ELSEWHERE]) == 0

    (copy,) = copies_of(ec2, image)
    assert ec2.tags_of(copy, region=ELSEWHERE)["VerifiedIn:test"] == "2026-02-01T00:00:00Z"


def test_an_image_is_shared_with_its_snapshots_and_again_changes_nothing(
    ec2: EmulatedEc2, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["copy", image, "--with-account", ACCOUNT]) == 0
    first = capsys.readouterr().err
    assert main(["copy", image, "--with-account", ACCOUNT]) == 0

    assert first == f"{image} in {REGION} is shared with {ACCOUNT}\n"
    assert capsys.readouterr().err == ""
    assert users_of(ec2, image) == [ACCOUNT]
    permissions = ec2.client().describe_snapshot_attribute(
        SnapshotId=snapshot_of(ec2, image), Attribute="createVolumePermission"
    )
    assert [one["UserId"] for one in permissions["CreateVolumePermissions"]] == [ACCOUNT]


def test_what_could_not_be_shared_is_said_before_anything_is_copied(
    ec2: EmulatedEc2, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--to-region", ELSEWHERE, "--with-account", ACCOUNT]

    assert main(["copy", image, *options]) == 1

    assert "is a key of AWS's own, whose images cannot be shared" in capsys.readouterr().err
    assert copies_of(ec2, image) == []
    assert users_of(ec2, image) == []


def test_a_region_that_fails_keeps_no_other_from_its_copy_and_is_named(
    ec2: EmulatedEc2, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = ec2.client("eu-north-1").register_image(Name="taken", RootDeviceName="/dev/sda1")["ImageId"]
    tags = [
        {"Key": TAG_COPIED_FROM, "Value": f"{REGION}/{image}"},
        {"Key": "Revoked", "Value": "it leaks"},
    ]
    ec2.client("eu-north-1").create_tags(
        Resources=[taken], Tags=[{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]
    )

    assert main(["copy", image, "--to-region", "eu-north-1", "--to-region", ELSEWHERE]) == 1

    assert f"eu-north-1: copy {taken} is Revoked: it leaks" in capsys.readouterr().err
    assert len(copies_of(ec2, image)) == 1


ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ({"Action": "kms:*", "Principal": ROOT}, ""),
        (
            {"Action": "kms:DescribeKey", "Principal": ROOT},
            f"does not allow {ACCOUNT} kms:CreateGrant, kms:Decrypt, kms:GenerateDataKeyWithoutPlaintext, "
            "kms:ReEncryptFrom, kms:ReEncryptTo · ",
        ),
    ],
)
def test_a_key_that_does_not_let_the_account_in_is_said(
    ec2: EmulatedEc2, statement: dict[str, Any], words: str
) -> None:
    kms = kms_of(ec2)
    document = json.dumps({"Statement": [{"Effect": "Allow", **statement}]})
    key = kms.create_key(Policy=document)["KeyMetadata"]["KeyId"]

    judgement = judge_key(kms, key, [ACCOUNT], REGION)

    assert words in judgement.refusal
    assert bool(judgement.refusal) == bool(words)
    assert judgement.warning == ""


def test_what_a_policy_does_not_tell_is_a_warning_and_no_refusal(
    ec2: EmulatedEc2, image: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    condition = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    statement = {"Effect": "Allow", "Action": "kms:*", "Principal": "*", "Condition": condition}
    key = kms_of(ec2).create_key(Policy=json.dumps({"Statement": [statement]}))["KeyMetadata"]["KeyId"]
    monkeypatch.setattr("image_builder.releasing.copies.keys_of", lambda _ec2, _ami: [key])

    assert main(["copy", image, "--with-account", ACCOUNT]) == 0

    told = f"whether KMS key {key} in {REGION} lets in {ACCOUNT} cannot be told: its policy has conditions"
    assert told in capsys.readouterr().err
    assert users_of(ec2, image) == [ACCOUNT]


def test_the_default_key_of_the_account_may_be_one_of_its_own(
    ec2: EmulatedEc2, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = {"Effect": "Allow", "Action": "kms:*", "Principal": ROOT}
    kms = kms_of(ec2, ELSEWHERE)
    key = kms.create_key(Policy=json.dumps({"Statement": [statement]}))["KeyMetadata"]["Arn"]
    call = vars(botocore.client.BaseClient)["_make_api_call"]

    def call_with_key(client: Any, operation: str, request: dict[str, Any]) -> Any:
        asks_for_key = operation == "GetEbsDefaultKmsKeyId"
        return {"KmsKeyId": key} if asks_for_key else call(client, operation, request)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call_with_key)
    monkeypatch.setattr("image_builder.releasing.copies.keys_of", lambda _ec2, _ami: [])

    assert main(["copy", image, "--to-region", ELSEWHERE, "--with-account", ACCOUNT]) == 0


def test_a_key_that_is_not_there_is_said(ec2: EmulatedEc2) -> None:
    judgement = judge_key(kms_of(ec2), "alias/images", [ACCOUNT], REGION)

    expected = f"KMS key alias/images cannot be looked at in {REGION}: NotFoundException"
    assert judgement.refusal.startswith(expected)


def kms_of(ec2: EmulatedEc2, region: str = REGION) -> Any:
    kms: Any = boto3.client("kms", endpoint_url=ec2.endpoint_url, region_name=region)
    return kms


def test_a_name_that_is_taken_where_the_copy_is_to_be_gets_a_number(ec2: EmulatedEc2, image: str) -> None:
    ec2.register("web-app-0123456789ab", in_region=ELSEWHERE)

    assert main(["copy", image, "--to-region", ELSEWHERE]) == 0

    (copy,) = copies_of(ec2, image)
    told = ec2.client(ELSEWHERE).describe_images(ImageIds=[copy])["Images"][0]
    assert told["Name"] == "web-app-0123456789ab-2"


def test_a_copy_is_not_copied_to_where_it_came_from(
    ec2: EmulatedEc2, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["copy", image, "--to-region", ELSEWHERE]) == 0
    (copy,) = copies_of(ec2, image)
    capsys.readouterr()

    assert main(["copy", copy, "--region", ELSEWHERE, "--to-region", REGION, "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == [{"region": REGION, "ami_id": image}]
    assert f"CopiedTo:{REGION}" not in ec2.tags_of(copy, region=ELSEWHERE)


def test_a_copy_that_is_pending_is_waited_for_and_not_made_again(
    ec2: EmulatedEc2, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", "0.01")
    call = vars(botocore.client.BaseClient)["_make_api_call"]
    looks: list[str] = []

    def call_with_state(client: Any, operation: str, request: dict[str, Any]) -> Any:
        assert operation != "CopyImage" or not looks
        answer = call(client, operation, request)
        if operation == "DescribeImages" and client.meta.region_name == ELSEWHERE and answer["Images"]:
            looks.append(answer["Images"][0]["ImageId"])
            answer["Images"][0]["State"] = "pending" if len(looks) < 4 else "available"
        return answer

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call_with_state)

    for _ in range(2):
        assert main(["copy", image, "--to-region", ELSEWHERE]) == 0

    assert len(looks) > 4
    assert len(copies_of(ec2, image)) == 1


def test_the_resource_copies_at_first_and_after_a_change_and_removes_nothing(
    ec2: EmulatedEc2, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    provider = ImageCopiesProvider()
    props = {"ami_id": image, "region": REGION, "copy_to_regions": [ELSEWHERE]}

    assert provider.check({}, props).failures == []
    assert f"image copies: {image} is to be in {ELSEWHERE}" in capsys.readouterr().out
    assert copies_of(ec2, image) == []
    outs = provider.create(props).outs
    assert outs is not None
    assert outs["copies"] == {ELSEWHERE: copies_of(ec2, image)[0]}
    assert not provider.diff(image, outs, props).changes
    assert provider.diff(image, outs, {**props, "share_with_accounts": [ACCOUNT]}).changes
    assert provider.update(image, outs, props).outs == outs
    provider.delete(image, outs)
    assert len(copies_of(ec2, image)) == 1


def test_regions_and_accounts_that_cannot_be_are_refused_at_once() -> None:
    props = {"ami_id": "ami-1", "region": REGION, "copy_to_regions": ["eu", REGION]}

    failures = ImageCopiesProvider().check({}, {**props, "share_with_accounts": ["12"]}).failures

    assert [(one.property, one.reason) for one in failures] == [
        ("copy_to_regions", "'eu' · regions such as eu-west-1 were expected"),
        ("share_with_accounts", "'12' · accounts of 12 digits were expected"),
        ("copy_to_regions", f"{REGION} is where the image is · other regions were expected"),
    ]


@pytest.mark.parametrize(
    "options",
    [
        ["--to-region", "europe"],
        ["--with-account", "12"],
        ["--to-region", ELSEWHERE, "--timeout-minutes", "0"],
    ],
)
def test_wrong_usage_is_refused(options: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["copy", "ami-0123456789abcdef0", *options])

    assert refused.value.code == 2
