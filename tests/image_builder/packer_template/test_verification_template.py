"""An image's own template, made into one that boots the image and makes nothing of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from image_builder.packer_template.hcl import read_blocks
from image_builder.packer_template.verification_template import boot_problems, booting_folder, make_it_boot
from tests.image_builder.emulated_ec2 import REGION
from tests.image_builder.templates import write_image

AMI = "ami-0123456789abcdef0"
COMMANDS = ["first '${build.Host}'", 'second "quoted"\nand more']
WEB_APP = Path(__file__).resolve().parents[3] / "images/web-app"
OF_AN_IMAGE = """
locals { base = "ami-00000000" }
source "amazon-ebs" "web" {
  source_ami_filter {
    owners      = ["self"]
    most_recent = true
  }
  ami_name         = "web"
  skip_create_ami  = false
  force_deregister = true
  force_delete_snapshot = true
  ssh_username     = "admin"
  launch_block_device_mappings {
    device_name = "/dev/xvda"
  }
}
source "null" "other" { communicator = "none" }
build {
  name    = "web"
  sources = ["source.amazon-ebs.web"]
  provisioner "shell" {
    inline = ["echo } building {"]
  }
  post-processor "manifest" {}
  error-cleanup-provisioner "shell-local" { inline = ["true"] }
}
"""


def source_and_build(folder: Path) -> tuple[Any, Any]:
    blocks = read_blocks(folder)
    (source,) = (block for block in blocks if block.kind == "source" and block.labels[0] == "amazon-ebs")
    (build,) = (block for block in blocks if block.kind == "build")
    return source.body, build.body


def template(folder: Path, text: str, name: str = "web.pkr.hcl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder


def test_the_machine_is_the_one_of_the_build_with_the_image_in_place_of_its_base(tmp_path: Path) -> None:
    folder = template(tmp_path, OF_AN_IMAGE)

    make_it_boot(folder, AMI, "verification", COMMANDS)

    source, build = source_and_build(folder)
    assert source["source_ami"] == AMI
    assert source["skip_create_ami"] in (True, "true")
    assert source["ami_name"] == "verification"
    assert source["ssh_username"] == "admin"
    assert source["launch_block_device_mappings"]
    assert "source_ami_filter" not in source
    assert build["sources"] == ["source.amazon-ebs.web"]


def test_nothing_deregisters_the_image_that_is_verified(tmp_path: Path) -> None:
    folder = template(tmp_path, OF_AN_IMAGE)

    make_it_boot(folder, AMI, "verification", COMMANDS)

    source, _ = source_and_build(folder)
    assert not {"force_deregister", "force_delete_snapshot"} & set(source)


def test_the_checks_are_run_in_place_of_whatever_the_build_does(tmp_path: Path) -> None:
    folder = template(tmp_path, OF_AN_IMAGE)

    make_it_boot(folder, AMI, "verification", COMMANDS)

    _, build = source_and_build(folder)
    assert not {"post-processor", "error-cleanup-provisioner"} & set(build)
    inner = [next(iter(provisioner.values())) for provisioner in build["provisioner"]]
    assert [body["inline"][0] for body in inner] == COMMANDS


def test_what_is_left_keeps_its_line_for_packers_messages(tmp_path: Path) -> None:
    folder = template(tmp_path, OF_AN_IMAGE)
    before = OF_AN_IMAGE.splitlines()

    make_it_boot(folder, AMI, "verification", COMMANDS)

    after = (folder / "web.pkr.hcl").read_text().splitlines()
    login = '  ssh_username     = "admin"'
    assert after.index(login) == before.index(login)


def test_a_template_in_json_boots_the_image_too(tmp_path: Path) -> None:
    source = {"source_ami": "ami-00000000", "force_deregister": True, "ssh_username": "admin"}
    document = {
        "source": {"amazon-ebs": {"web": source}},
        "build": {"sources": ["source.amazon-ebs.web"], "provisioner": [{"shell": {"inline": ["true"]}}]},
    }
    folder = template(tmp_path, json.dumps(document), "web.pkr.json")

    make_it_boot(folder, AMI, "verification", COMMANDS)

    made = json.loads((folder / "web.pkr.json").read_text())
    assert made["source"]["amazon-ebs"]["web"] == {
        "ssh_username": "admin",
        "source_ami": AMI,
        "skip_create_ami": True,
        "ami_name": "verification",
    }
    assert made["build"] == {
        "sources": ["source.amazon-ebs.web"],
        "provisioner": [{"shell-local": {"inline": [command]}} for command in COMMANDS],
    }


NESTED = """
source "amazon-ebs" "web" {
  ssh_username = "admin"
}
build {
  source "amazon-ebs.web" {
    name             = "one"
    ami_name         = "web"
    force_deregister = true
    instance_type    = "t3.small"
    source_ami_filter {
      owners = ["self"]
    }
  }
}
"""


def test_what_the_build_sets_in_its_source_makes_no_ami_either(tmp_path: Path) -> None:
    folder = template(tmp_path, NESTED)

    make_it_boot(folder, AMI, "verification", COMMANDS)

    source, build = source_and_build(folder)
    ((_, nested),) = build["source"][0].items()
    assert source["ami_name"] == "verification"
    assert {name for name in nested if not name.startswith("__")} == {"name", "instance_type"}


def test_what_the_build_sets_in_its_source_makes_no_ami_in_json_either(tmp_path: Path) -> None:
    nested = {"amazon-ebs.web": [{"name": "one", "ami_name": "web", "source_ami": "ami-00000000"}]}
    document = {
        "source": [{"amazon-ebs": [{"web": [{"ssh_username": "admin"}]}]}],
        "build": [{"source": [nested]}],
    }
    folder = template(tmp_path, json.dumps(document), "web.pkr.json")

    make_it_boot(folder, AMI, "verification", COMMANDS)

    made = json.loads((folder / "web.pkr.json").read_text())
    assert made["source"][0]["amazon-ebs"][0]["web"][0]["ami_name"] == "verification"
    assert made["build"][0]["source"] == [{"amazon-ebs.web": [{"name": "one"}]}]


def test_a_login_that_the_build_sets_in_its_source_counts(tmp_path: Path) -> None:
    folder = template(tmp_path, NESTED.replace('name             = "one"', 'communicator = "winrm"'))

    (found,) = boot_problems(folder, REGION)

    assert "has the communicator winrm" in found


def test_a_template_of_its_own_takes_the_place_of_the_images(tmp_path: Path) -> None:
    folder = template(tmp_path, OF_AN_IMAGE)
    (folder / "web.auto.pkrvars.hcl").write_text('size = "1"\n')
    template(folder / "verify", OF_AN_IMAGE.replace('"admin"', '"somebody"'), "boot.pkr.hcl")
    (folder / "verify/boot.auto.pkrvars.hcl").write_text('size = "2"\n')
    assert booting_folder(folder) == folder / "verify"

    make_it_boot(folder, AMI, "verification", COMMANDS)

    source, _ = source_and_build(folder)
    assert source["ssh_username"] == "somebody"
    assert [file.name for file in folder.glob("*.pkr.hcl")] == ["boot.pkr.hcl"]
    assert [file.name for file in folder.glob("*.auto.pkrvars.hcl")] == ["boot.auto.pkrvars.hcl"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('communicator  = "ssh"', 'communicator  = "winrm"'), "has the communicator winrm"),
        (('communicator  = "ssh"', 'ssh_bastion_host = "b"'), "is reached through ssh_bastion_host"),
        (('communicator  = "ssh"', "ssh_agent_auth = true"), "has ssh_agent_auth"),
        (("amazon-ebs", "amazon-ebssurrogate"), "amazon-ebssurrogate.tiny cannot boot an image"),
    ],
)
def test_what_cannot_be_verified_is_said_with_both_ways_out(
    tmp_path: Path, change: tuple[str, str], problem: str
) -> None:
    folder = write_image(tmp_path, communicator="ssh")
    file = folder / "tiny.pkr.hcl"
    file.write_text(file.read_text().replace(*change))

    (found,) = boot_problems(folder, REGION)

    assert problem in found
    assert "into verify/, or set verify to false" in found


def test_a_template_of_its_own_makes_any_image_verifiable(tmp_path: Path) -> None:
    folder = write_image(tmp_path, communicator="none")
    assert boot_problems(folder, REGION) != []

    write_image(folder / "verify", communicator="ssh")

    assert boot_problems(folder, REGION) == []


def test_the_web_app_is_verifiable_on_the_machine_that_it_is_built_on(tmp_path: Path) -> None:
    shutil.copytree(WEB_APP, tmp_path / "web-app")

    assert boot_problems(tmp_path / "web-app", REGION) == []
