"""What Packer must not print, it does not print."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from image_builder.building.packer import Packer, packer_environment, succeeded
from image_builder.building.run_folder import copy_template, make_run_folder, new_run_id, prepare
from image_builder.fingerprint import digest_files
from image_builder.packer_template.hidden import hide_values, names_to_hide
from image_builder.packer_template.template import read_template

TEMPLATE = """
variable "password" { type = string }
variable "declared" {
  type      = string
  sensitive = true
}
variable "port" { default = 22 }
source "null" "here" { communicator = "none" }
build {
  sources = ["source.null.here"]
  provisioner "shell-local" {
    environment_vars = ["PASSWORD=${var.password}", "DECLARED=${var.declared}"]
    inline           = ["env", "echo port ${var.port} is open", "exit 7"]
  }
}
"""
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "key-0123456789",
    "AWS_SESSION_TOKEN": "token-0123456789",
    "PKR_VAR_password": "password-0123456789",
    "PKR_VAR_declared": "declared-0123456789",
    "PULUMI_CONFIG_PASSPHRASE": "passphrase-0123456789",
}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "tiny.pkr.hcl").write_text(TEMPLATE)
    return folder


def test_aws_secrets_and_values_that_only_the_environment_can_give_are_hidden(image: Path) -> None:
    template = read_template(image)

    assert names_to_hide(template, {**SECRETS, "PKR_VAR_port": "22222222", "AWS_REGION": "us-east-1"}) == [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "PKR_VAR_password",
    ]
    assert names_to_hide(template, {"AWS_SECRET_ACCESS_KEY": "short"}) == []


def test_a_failing_provisioner_that_prints_its_environment_prints_no_secret(
    tmp_path: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    environment = packer_environment("us-east-1")
    run = make_run_folder(tmp_path, new_run_id())
    copy_template(image, run, digest_files(image))
    prepare(run, {})
    hide_values(run.template, names_to_hide(read_template(image), environment))
    shown: list[str] = []

    ended = Packer(
        run=run, environment=environment, deadline=time.monotonic() + 60, show=shown.append
    ).build()

    printed = "\n".join([run.log.read_text(), *shown, *ended.failure.last_lines, ended.failure.cause])
    assert not succeeded(ended)
    assert ended.failure.exit_code == 7
    assert "PASSWORD=<sensitive>" in printed
    assert "AWS_SESSION_TOKEN=<sensitive>" in printed
    assert "port 22 is open" in printed
    assert [name for name, value in SECRETS.items() if value in printed] == []
    written = [file.read_text() for file in run.path.rglob("*") if file.is_file()]
    assert [name for name, value in SECRETS.items() if any(value in text for text in written)] == []
