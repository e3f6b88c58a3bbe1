"""The life of a PackerImage in the real host of dynamic providers, with real Packer where one is built."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.output import Unknown
from pulumi.runtime import rpc

from image_builder.building import packages
from image_builder.building.file_digests import from_tags, recorded
from image_builder.building.run_folder import RUNS
from image_builder.provider import PackerImageProvider, what_replaces
from image_builder.registry.snapshots import Snapshots
from tests.image_builder.emulated_ec2 import BASE_IMAGE, EmulatedEc2
from tests.image_builder.provider_host import Host, message_of, running_host
from tests.image_builder.templates import props_of, write_image

OUTPUTS = {
    "ami_id",
    "ami_name",
    "region",
    "fingerprint",
    "git_commit",
    "git_dirty",
    "source_ami_id",
    "packer_version",
    "built_at",
    "origin",
}


def image_in(project: Path, **options: Any) -> Path:
    """An image folder, by its path in the project, as the constructor records it."""
    return write_image(project / "images/tiny", **options).relative_to(project)


def tags_of(props: dict[str, Any], **more: str) -> dict[str, str]:
    return {
        "Built-By": "packer",
        "ImageFamily": props["family"],
        "ImageFingerprint": props["fingerprint"],
        "BuiltAt": "2026-01-01T00:00:00Z",
        **more,
    }


def revoke(ec2: EmulatedEc2, ami_id: str, value: str) -> None:
    ec2.client().create_tags(Resources=[ami_id], Tags=[{"Key": "Revoked", "Value": value}])


def last_log(project: Path) -> str:
    run = max((project / RUNS).iterdir())
    return (run / "packer.log").read_text()


def test_the_provider_is_stored_as_a_reference() -> None:
    stored = base64.b64decode(serialize_provider(PackerImageProvider()))

    assert len(stored) < 80
    assert b"image_builder.provider" in stored


def test_an_image_is_built_and_tagged_and_nothing_else_stays(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    props = props_of(image_in(project))

    ami_id, outs = host.create(props)

    assert outs.keys() >= OUTPUTS
    assert outs["ami_id"] == ami_id
    assert outs["ami_name"] == f"tiny-{props['fingerprint'][:12]}"
    assert outs["fingerprint"] == props["fingerprint"]
    assert outs["origin"] == "built"
    assert outs["source_ami_id"] == BASE_IMAGE
    assert outs["packer_version"].count(".") == 2
    tags = ec2.tags_of(ami_id)
    assert tags["Built-By"] == "packer"
    assert tags["Name"] == outs["ami_name"]
    assert tags["ImageFamily"] == "tiny"
    assert tags["ImageFingerprint"] == props["fingerprint"]
    assert tags["SourceAmi"] == BASE_IMAGE
    assert tags["BuiltAt"] == outs["built_at"]
    assert tags["RunId"] == max((project / RUNS).iterdir()).name
    assert ec2.leftovers() == []
    assert not list((project / RUNS).glob("*/template"))
    assert any(f"log: {project}/.packer-runs/" in line for line in host.lines)
    assert any("Launching a source AWS instance" in line for line in host.lines)


def test_the_digest_of_each_file_travels_on_the_snapshots_of_a_new_image(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    props = props_of(image_in(project))

    ami_id, _ = host.create(props)

    (image,) = ec2.client().describe_images(ImageIds=[ami_id])["Images"]
    snapshot_ids = [device["Ebs"]["SnapshotId"] for device in image["BlockDeviceMappings"]]
    (snapshot,) = Snapshots(ec2.client()).find(snapshot_ids)
    assert from_tags(snapshot.tags) == recorded(props["file_digests"], props["variables"])
    assert not any(key.startswith("FileDigests") for key in ec2.tags_of(ami_id))


def snapshot_tags(ec2: EmulatedEc2, ami_id: str) -> dict[str, str]:
    """Those of the one snapshot of an AMI."""
    (image,) = ec2.client().describe_images(ImageIds=[ami_id])["Images"]
    (device,) = image["BlockDeviceMappings"]
    (snapshot,) = Snapshots(ec2.client()).find([device["Ebs"]["SnapshotId"]])
    return dict(snapshot.tags)


def listing(command: str) -> dict[str, Any]:
    """A template that has *command* make its package list."""
    provisioner = f'provisioner "shell-local" {{\n    inline = ["{command}"]\n  }}'
    return {"takes": ("ami_name", "tags", "region", "package_list"), "provisioner": provisioner}


def test_the_package_list_that_a_template_downloads_travels_beside_the_digests(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    folder = image_in(project, **listing("echo 'bash 5.2' > ${var.package_list}"))
    props = props_of(folder)

    ami_id, _ = host.create(props)

    tags = snapshot_tags(ec2, ami_id)
    assert packages.from_tags(tags) == {"bash": "5.2"}
    assert from_tags(tags) == recorded(props["file_digests"], props["variables"])
    assert not any(key.startswith("Packages") for key in ec2.tags_of(ami_id))


def test_a_package_list_that_cannot_be_read_is_said_once_and_fails_no_build(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    folder = image_in(project, **listing("echo 'bash version 5.2' > ${var.package_list}"))

    ami_id, outs = host.create(props_of(folder))

    assert outs["origin"] == "built"
    reason = "not recorded: line 1 of packages.txt is 'bash version 5.2' · name and version were expected"
    assert snapshot_tags(ec2, ami_id)["Packages"] == reason
    assert [line for line in host.lines if reason in line] == [f"image tiny: packages of {ami_id}: {reason}"]


def test_the_second_of_one_fingerprint_is_reused(ec2: EmulatedEc2, host: Host, project: Path) -> None:
    props = props_of(image_in(project))
    ami_id, built = host.create(props)

    again, reused = host.create({**props, "build_timeout_minutes": 7})

    assert again == ami_id
    assert reused["origin"] == "reused"
    assert {name: reused[name] for name in OUTPUTS - {"origin"}} == {
        name: built[name] for name in OUTPUTS - {"origin"}
    }
    assert len(list((project / RUNS).iterdir())) == 1
    assert ec2.leftovers() == []


def test_a_template_that_takes_neither_name_nor_tags_is_tagged_after_the_build(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    props = props_of(image_in(project, takes=()))

    ami_id, outs = host.create(props)

    tags = ec2.tags_of(ami_id)
    assert outs["ami_name"] == "fixed-name"
    assert tags["ImageFingerprint"] == props["fingerprint"]
    assert tags["Built-By"] == "packer"
    assert "RunId" in tags


def test_users_variables_and_those_of_the_environment_reach_the_template(
    ec2: EmulatedEc2, project: Path
) -> None:
    image = image_in(
        project,
        takes=("ami_name", "tags", "region", "fingerprint", "git_commit"),
        more='variable "size" {\n  type = number\n}\nvariable "key" {\n  sensitive = true\n}',
        provisioner='provisioner "shell-local" {\n    inline = ["echo size=${var.size} '
        'fingerprint=${var.fingerprint} long=${length(var.key)}", "echo ${var.key}"]\n  }',
    )
    props = props_of(image, variables={"size": 3})

    with running_host(project, {**ec2.environment, "PKR_VAR_key": "planted-value"}) as host:
        host.create(props)

    log = last_log(project)
    assert f"size=3 fingerprint={props['fingerprint']} long=13" in log
    for file in (path for path in (project / RUNS).rglob("*") if path.is_file()):
        assert "planted-value" not in file.read_text()
    assert "planted-value" not in "\n".join(host.lines)


def test_a_missing_value_is_said_by_preview_and_refused_before_anything_starts(
    host: Host, project: Path
) -> None:
    props = props_of(image_in(project, more='variable "key" {\n  type = string\n}'))
    missing = "images/tiny: no value for key (PKR_VAR_key) · set it in variables, or in the environment"

    assert host.check(props) == {}
    assert f"image tiny: the build will be refused: {missing}" in host.lines
    with pytest.raises(grpc.RpcError) as raised:
        host.create(props)

    assert message_of(raised.value) == f"image tiny: {missing}"
    assert not list((project / RUNS).glob("*"))


def test_an_image_that_is_there_needs_no_values(ec2: EmulatedEc2, host: Host, project: Path) -> None:
    props = props_of(image_in(project, more='variable "key" {\n  type = string\n}'))
    ec2.register("tiny-1", **tags_of(props))

    assert host.check(props) == {}


def test_a_failing_provisioner_is_one_line_with_its_last_words(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    failing = 'provisioner "shell-local" {\n    inline = ["echo this went wrong", "exit 3"]\n  }'
    props = props_of(image_in(project, provisioner=failing))

    with pytest.raises(grpc.RpcError) as raised:
        host.create(props)

    message = message_of(raised.value)
    assert message.startswith(
        "image tiny: packer build exited 1 at provisioner 'shell-local' (its script exited 3): Script exited"
    )
    assert "| this went wrong · full log: /" in message
    assert Path(message.rpartition("full log: ")[2]).read_text()
    assert ec2.leftovers() == []
    assert ec2.client().describe_images(Owners=["self"])["Images"] == []


def test_what_packer_refuses_is_one_line(host: Host, project: Path) -> None:
    props = props_of(image_in(project, provisioner='provisioner "nonsense" {}'))

    with pytest.raises(grpc.RpcError) as raised:
        host.create(props)

    message = message_of(raised.value)
    assert message.startswith("image tiny: packer ")
    assert "nonsense" in message


def test_an_image_whose_post_processor_fails_is_rejected_and_built_anew(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    checking = 'post-processor "shell-local" {\n    inline = ["test -e ../../../good"]\n  }'
    # It takes no tags: that the AMI is its own, it knows all the same.
    props = props_of(image_in(project, takes=("ami_name",), provisioner=checking))

    with pytest.raises(grpc.RpcError) as raised:
        host.create(props)
    (project / "good").touch()
    ami_id, outs = host.create(props)

    assert "is marked Rejected and will not be reused" in message_of(raised.value)
    assert outs["ami_name"] == f"tiny-{props['fingerprint'][:12]}-2"
    assert outs["origin"] == "built"
    assert "Rejected" not in ec2.tags_of(ami_id)


def test_copies_in_other_regions_are_named_and_none_of_them_is_reused(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    image = image_in(project, takes=(), more='variable "regions" {\n  default = ["eu-west-1"]\n}')
    template = image / "tiny.pkr.hcl"
    template.write_text(template.read_text().replace("  region  ", "  ami_regions = var.regions\n  region  "))
    props = props_of(image)

    assert host.check(props) == {}
    with pytest.raises(grpc.RpcError) as raised:
        host.create(props)

    message = message_of(raised.value)
    assert "in eu-west-1 (amazon-ebs.tiny)" in message
    assert "in us-east-1 (amazon-ebs.tiny)" in message
    (image_here,) = ec2.client().describe_images(Owners=["self"])["Images"]
    assert image_here["ImageId"] in message
    (copy,) = ec2.client("eu-west-1").describe_images(Owners=["self"])["Images"]
    for region, ami_id in (("us-east-1", image_here["ImageId"]), ("eu-west-1", copy["ImageId"])):
        rejection = ec2.tags_of(ami_id, region=region)["Rejected"]
        assert rejection == "its build did not make exactly one AMI"


def test_a_file_outside_the_image_folder_cannot_be_read_by_relative_path(host: Host, project: Path) -> None:
    image = image_in(project, provisioner='provisioner "shell-local" {\n    inline = ["cat ../shared"]\n  }')
    (project / "images/shared").write_text("not in the fingerprint")

    with pytest.raises(grpc.RpcError, match="shared: No such file or directory"):
        host.create(props_of(image))


def test_files_edited_after_the_fingerprint_are_not_built(host: Host, project: Path) -> None:
    image = image_in(project)
    props = props_of(image)
    (image / "app/server.py").write_text("edited")

    with pytest.raises(grpc.RpcError, match=r"app/server\.py changed after the fingerprint was taken"):
        host.create(props)


def test_without_packer_only_a_build_is_refused(
    ec2: EmulatedEc2, project: Path, tmp_path_factory: Any
) -> None:
    props = props_of(image_in(project))
    tools = tmp_path_factory.mktemp("bin")
    with running_host(project, {**ec2.environment, "PATH": str(tools)}) as host:
        assert host.check(props) == {}
        with pytest.raises(grpc.RpcError) as raised:
            host.create(props)
        ec2.register("old", **tags_of(props))
        _, outs = host.create(props)

    assert message_of(raised.value).startswith("image tiny: packer is not on PATH · ")
    assert outs["origin"] == "reused"


def test_a_build_is_stopped_at_its_deadline(ec2: EmulatedEc2, host: Host, project: Path) -> None:
    # Nothing answers SSH, so this waits until it is stopped.
    props = props_of(image_in(project, communicator="ssh"), build_timeout_minutes=0.1)

    with pytest.raises(grpc.RpcError) as raised:
        host.create(props)

    assert "packer build was stopped after 0.1 min (build_timeout_minutes)" in message_of(raised.value)
    assert ec2.leftovers() == []


def test_a_name_that_another_build_took_meanwhile_means_its_image(
    ec2: EmulatedEc2, project: Path, tmp_path_factory: Any
) -> None:
    props = props_of(image_in(project))
    packer = shutil.which("packer")
    wrapper = tmp_path_factory.mktemp("bin") / "packer"
    # The other build's image appears between our look and Packer's own.
    wrapper.write_text(
        f"""#!/bin/sh
if [ "$1" = build ]; then
  touch {project}/ready
  while [ ! -e {project}/registered ]; do sleep 0.1; done
fi
exec {packer} "$@"
"""
    )
    wrapper.chmod(0o755)
    environment = {**ec2.environment, "PATH": f"{wrapper.parent}:{os.environ['PATH']}"}
    with running_host(project, environment) as host:
        future = host.start_creating(props)
        while not (project / "ready").exists():
            assert not future.done(), future.exception()
        winner = ec2.register(f"tiny-{props['fingerprint'][:12]}")
        (project / "registered").touch()
        answer = future.result(timeout=120)

    outs = rpc.deserialize_properties(answer.properties)
    assert (answer.id, outs["origin"]) == (winner, "reused")
    assert ec2.tags_of(winner)["ImageFingerprint"] == props["fingerprint"]
    assert any("another build of the same fingerprint registered first" in line for line in host.lines)


def test_an_image_that_is_complete_is_adopted_although_packer_failed(
    ec2: EmulatedEc2, project: Path, tmp_path_factory: Any
) -> None:
    props = props_of(image_in(project, takes=("ami_name",)))
    wrapper = tmp_path_factory.mktemp("bin") / "packer"
    wrapper.write_text(f'#!/bin/sh\n{shutil.which("packer")} "$@" || exit\n[ "$1" != build ] || exit 1\n')
    wrapper.chmod(0o755)
    environment = {**ec2.environment, "PATH": f"{wrapper.parent}:{os.environ['PATH']}"}
    with running_host(project, environment) as host:
        ami_id, outs = host.create(props)

    assert outs["origin"] == "built"
    assert any(f"adopted {ami_id}, which is complete although Packer failed" in line for line in host.lines)


def test_a_pinned_image_is_verified_and_its_own_tags_are_the_outputs(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    props = props_of(image_in(project))
    ami_id = ec2.register(
        "old", **tags_of(props, ImageFingerprint="f" * 64, GitCommit="4e5f6a7", GitDirty="true")
    )
    pinned = host.checked({**props, "pinned_ami": ami_id})

    _, outs = host.create(pinned)

    assert outs["origin"] == "pinned"
    assert outs["fingerprint"] == "f" * 64
    assert outs["git_dirty"] is True
    assert "file_digests" not in pinned
    assert host.lines == [
        f"image tiny: pinned to {ami_id} (built {_days()} days ago from 4e5f6a7 with uncommitted changes)"
    ]


def test_a_pin_that_does_not_hold_fails_the_check(ec2: EmulatedEc2, host: Host, project: Path) -> None:
    ami_id = ec2.register("by-hand")
    props = props_of(image_in(project), pinned_ami=ami_id)

    reasons = host.check(props)
    with pytest.raises(grpc.RpcError, match="Built-By"):
        host.create(props)

    assert list(reasons) == ["pinned_ami"]
    assert "has the tag Built-By=(none) · packer was expected" in reasons["pinned_ami"][0]


def test_check_names_every_bad_input_at_once(host: Host) -> None:
    reasons = host.check({"folder": "nowhere", "family": "a!", "region": "x", "variables": {}})

    assert list(reasons) == ["family", "region", "folder"]


def test_what_is_not_known_yet_is_handed_on_without_a_word(host: Host, project: Path) -> None:
    unknown = Unknown()  # type: ignore[no-untyped-call]
    props = props_of(image_in(project))

    assert host.check({**props, "region": unknown, "pinned_ami": unknown}) == {}
    assert host.diff("ami-0a", props, {**props, "region": unknown}) == (True, ["region"])
    assert host.lines == []


def test_check_says_what_will_happen_to_a_new_image_once(ec2: EmulatedEc2, host: Host, project: Path) -> None:
    props = props_of(image_in(project))
    host.check(props)
    host.check(props)
    edited = {**props, "fingerprint": "f" * 64}
    ec2.register("other", **tags_of(edited, GitCommit="4e5f6a7"))
    host.check(edited)

    assert host.lines == [
        f"image tiny: build: there is no image of fingerprint {props['fingerprint'][:12]} yet",
        f"image tiny: reuse {ec2.client().describe_images(Owners=['self'])['Images'][0]['ImageId']} "
        f"(built {_days()} days ago from 4e5f6a7)",
    ]


def test_a_preview_works_without_aws_and_says_why_it_knows_less(project: Path) -> None:
    props = props_of(image_in(project))
    environment = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_EC2_METADATA_DISABLED": "true"}
    nothing = {
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }
    with running_host(project, {**environment, **nothing, "AWS_CONFIG_FILE": "/nonexistent"}) as host:
        assert host.check(props) == {}
        assert host.diff("ami-0a", props, {**props, "fingerprint": "f", "file_digests": {}})[0]

    assert host.lines[0].startswith(
        f"image tiny: reuse or build: fingerprint {props['fingerprint'][:12]}; which"
    )
    assert "app/server.py removed" in host.lines[1]


def test_a_preview_works_with_a_profile_that_does_not_exist(project: Path) -> None:
    props = props_of(image_in(project))
    pinned = {**props, "pinned_ami": "ami-0123456789abcdef0"}
    with running_host(project, {"AWS_PROFILE": "nobody", "AWS_CONFIG_FILE": "/nonexistent"}) as host:
        assert host.check(props) == {}
        assert host.check(pinned) == {}
        assert host.diff("ami-0a", props, props) == (False, [])
        host.wait_for_line("pinned to ami-0123456789abcdef0; it could not be looked at: The config profile")

    assert "AWS could not be asked: The config profile (nobody) could not be found" in host.lines[0]


def test_a_changed_file_replaces_and_is_named(host: Host, project: Path) -> None:
    image = image_in(project)
    olds = {**props_of(image), "ami_id": "ami-0a", "origin": "built"}
    (image / "app/server.py").write_text("edited")
    news = props_of(image)

    assert host.diff("ami-0a", olds, news) == (True, ["fingerprint"])
    host.check(news)
    assert host.lines == ["image tiny: build: app/server.py changed"]


def test_an_image_that_is_revoked_while_a_stack_has_it_is_replaced_by_another(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    props = props_of(image_in(project))
    ami_id = ec2.register("tiny-1", **tags_of(props))
    olds = {**props, "ami_id": ami_id}

    assert host.diff(ami_id, olds, props) == (False, [])
    revoke(ec2, ami_id, "2026-01-02T00:00:00Z by alice: CVE-2026-1")

    assert host.diff(ami_id, olds, props) == (True, ["ami_id"])
    host.wait_for_line(f"build: {ami_id} is Revoked 2026-01-02T00:00:00Z by alice: CVE-2026-1")


def test_an_image_that_is_gone_while_a_stack_has_it_is_replaced_by_another(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    props = props_of(image_in(project))
    ami_id = ec2.register("tiny-1", **tags_of(props))
    ec2.client().deregister_image(ImageId=ami_id)

    assert host.diff(ami_id, {**props, "ami_id": ami_id}, props) == (True, ["ami_id"])
    host.wait_for_line(f"build: {ami_id} is deregistered")


def test_a_revocation_to_come_is_said_and_changes_nothing_until_then(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    props = props_of(image_in(project))
    ami_id = ec2.register("tiny-1", **tags_of(props))
    revoke(ec2, ami_id, "2999-01-01T00:00:00Z by alice: end of life")

    assert host.diff(ami_id, {**props, "ami_id": ami_id}, props) == (False, [])
    assert host.check(props) == {}

    host.wait_for_line(f"{ami_id} is to be Revoked 2999-01-01T00:00:00Z by alice: end of life · roll out")
    host.wait_for_line("ago; to be Revoked 2999-01-01T00:00:00Z by alice: end of life)")


def test_nothing_is_built_on_a_revoked_base(ec2: EmulatedEc2, host: Host, project: Path) -> None:
    props = props_of(image_in(project))
    revoke(ec2, BASE_IMAGE, "2026-01-02T00:00:00Z by alice: CVE-2026-1")
    refusal = f"source_ami {BASE_IMAGE} is Revoked 2026-01-02T00:00:00Z by alice: CVE-2026-1"

    assert host.check(props) == {}
    host.wait_for_line(f"the build will be refused: images/tiny: {refusal}")
    with pytest.raises(grpc.RpcError, match=refusal):
        host.create(props)

    assert not list((project / RUNS).glob("*/packer.log"))


def test_an_image_whose_base_is_revoked_while_it_is_built_is_revoked_with_it(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    revoking = (
        f"aws ec2 create-tags --resources {BASE_IMAGE} "
        '--tags Key=Revoked,Value=\\"2026-01-02T00:00:00Z by alice: CVE-2026-1\\"'
    )
    provisioner = f'provisioner "shell-local" {{\n    inline = ["{revoking}"]\n  }}'
    props = props_of(image_in(project, provisioner=provisioner))

    with pytest.raises(grpc.RpcError) as raised:
        host.create(props)

    assert "was built on a revoked base and is Revoked 2026-01-02T00:00:00Z by alice: because its base" in (
        message_of(raised.value)
    )
    (image,) = ec2.client().describe_images(Owners=["self"])["Images"]
    assert ec2.tags_of(image["ImageId"])["Revoked"].endswith(f"because its base {BASE_IMAGE} is: CVE-2026-1")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"build_timeout_minutes": 7},
        {"folder": "moved/elsewhere"},
        {"variables": {"size": 3.0}},
    ],
)
def test_what_makes_no_other_image_is_no_change(
    ec2: EmulatedEc2, host: Host, project: Path, change: dict[str, Any]
) -> None:
    props = props_of(image_in(project), variables={"size": 3})
    ami_id = ec2.register("tiny-1", **tags_of(props))
    olds = {**props, "ami_id": ami_id, "origin": "built", "git_commit": "4e5f6a7"}

    assert host.diff(ami_id, olds, {**props, **change}) == (False, [])
    assert host.lines == []


def test_only_the_image_decides_what_replaces() -> None:
    olds = {"family": "a", "region": "r", "fingerprint": "1", "pinned_ami": None, "origin": "built"}
    pinned = {"family": "a", "region": "r", "pinned_ami": "ami-1"}

    assert what_replaces(olds, {**olds, "fingerprint": "2"}) == ["fingerprint"]
    assert what_replaces(olds, {**olds, "family": "b", "region": "s"}) == ["family", "region"]
    assert what_replaces(olds, pinned) == ["pinned_ami"]
    assert what_replaces({**pinned, "fingerprint": "1"}, pinned) == []
    assert what_replaces({**pinned, "fingerprint": "1"}, {**pinned, "pinned_ami": "ami-2"}) == ["pinned_ami"]
    assert what_replaces({**pinned, "fingerprint": "1"}, {**olds, "fingerprint": "2"}) == ["pinned_ami"]


def test_a_refresh_keeps_an_image_and_finds_out_that_one_is_gone(
    ec2: EmulatedEc2, host: Host, project: Path
) -> None:
    props = props_of(image_in(project))
    ami_id = ec2.register("old", **tags_of(props))
    recorded = {**props, "ami_id": ami_id}

    assert host.read(ami_id, recorded) == (ami_id, recorded)
    ec2.client().deregister_image(ImageId=ami_id)
    assert host.read(ami_id, recorded) == ("", {})


def test_delete_removes_nothing_from_aws(ec2: EmulatedEc2, host: Host, project: Path) -> None:
    props = props_of(image_in(project))
    ami_id = ec2.register("old", **tags_of(props))

    host.delete(ami_id, {**props, "ami_id": ami_id})

    assert ec2.tags_of(ami_id)["ImageFamily"] == "tiny"


def test_an_update_keeps_the_outputs(host: Host, project: Path) -> None:
    props = props_of(image_in(project))

    after = host.update("ami-0a", {**props, "ami_id": "ami-0a"}, {**props, "build_timeout_minutes": 9})

    assert after["ami_id"] == "ami-0a"
    assert after["build_timeout_minutes"] == 9


def test_the_commit_is_recorded_in_tags_and_outputs(ec2: EmulatedEc2, host: Host, project: Path) -> None:
    image = image_in(project)
    for arguments in (["init"], ["add", "."], ["commit", "-m", "one"]):
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)
    sha = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True
    )

    ami_id, outs = host.create(props_of(image))

    assert outs["git_commit"] == sha.stdout.strip()
    assert outs["git_dirty"] is False
    assert ec2.tags_of(ami_id)["GitCommit"] == sha.stdout.strip()


def _days() -> int:
    return (datetime.now(UTC) - datetime(2026, 1, 1, tzinfo=UTC)).days


@pytest.fixture
def unverified(ec2: EmulatedEc2, project: Path) -> tuple[dict[str, Any], str]:
    """The inputs of an image to be verified, and its AMI, as a killed verification leaves it."""
    image = image_in(project, communicator="ssh")
    props = props_of(image, verify=True)
    ami_id = ec2.image_of_an_instance(f"tiny-{props['fingerprint'][:12]}")
    tags = [{"Key": key, "Value": value} for key, value in tags_of(props).items()]
    ec2.client().create_tags(Resources=[ami_id], Tags=tags)  # type: ignore[arg-type]
    return props, ami_id


def test_a_preview_says_when_a_reused_image_is_yet_to_be_verified(
    host: Host, unverified: tuple[dict[str, Any], str]
) -> None:
    props, ami_id = unverified

    assert host.check(props) == {}

    (line,) = host.lines
    assert line.startswith(f"image tiny: reuse {ami_id} (built ")
    assert line.endswith("; it is not verified yet, its checks are run first")


def test_a_verification_that_cannot_be_run_fails_and_neither_rejects_nor_builds_anew(
    ec2: EmulatedEc2, host: Host, project: Path, unverified: tuple[dict[str, Any], str]
) -> None:
    props, ami_id = unverified

    with pytest.raises(grpc.RpcError) as raised:
        host.create(props)

    message = message_of(raised.value)
    assert message.startswith(
        f"image tiny: {ami_id} could not be verified: the image is kept, and the next up "
    )
    assert "packer build exited 1: " in message
    assert not {"Rejected", "Verified"} & ec2.tags_of(ami_id).keys()
    assert [image["ImageId"] for image in ec2.client().describe_images(Owners=["self"])["Images"]] == [ami_id]
    assert ec2.leftovers() == []
    assert not list((project / RUNS).glob("*/template"))
    assert f"Found Image ID: {ami_id}" in last_log(project)


@pytest.mark.parametrize("change", [{"verify": False}, {"Verified": "2026-01-01T00:00:00Z"}])
def test_an_image_is_not_looked_at_again_once_verified_nor_where_that_is_not_wanted(
    ec2: EmulatedEc2,
    host: Host,
    project: Path,
    unverified: tuple[dict[str, Any], str],
    change: dict[str, Any],
) -> None:
    props, ami_id = unverified
    if "Verified" in change:
        ec2.client().create_tags(Resources=[ami_id], Tags=[{"Key": "Verified", "Value": change["Verified"]}])

    found, outs = host.create({**props, **{key: value for key, value in change.items() if key in props}})

    assert (found, outs["origin"]) == (ami_id, "reused")
    assert not list((project / RUNS).glob("*/packer.log"))
