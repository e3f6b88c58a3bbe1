"""Tiny image folders: a template of the amazon-ebs builder that needs no machine behind its instance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from image_builder.fingerprint import digest_files, fingerprint_of
from image_builder.inputs import ImageInputs, inputs_from
from tests.image_builder.emulated_ec2 import BASE_IMAGE, REGION

PROVISIONER = 'provisioner "shell-local" {\n    inline = ["ls app"]\n  }'


def write_image(
    folder: Path,
    *,
    takes: tuple[str, ...] = ("ami_name", "tags", "region"),
    provisioner: str = PROVISIONER,
    communicator: str = "none",
    more: str = "",
) -> Path:
    """An image folder whose template declares *takes*; with communicator ssh it waits on loopback."""
    types = {"ami_name": "string", "tags": "map(string)", "region": "string", "fingerprint": "string"}
    variables = "\n".join(f'variable "{name}" {{\n  type = {types.get(name, "string")}\n}}' for name in takes)
    values = {
        "ami_name": "var.ami_name" if "ami_name" in takes else '"fixed-name"',
        "tags": "var.tags" if "tags" in takes else "{}",
        "region": "var.region" if "region" in takes else f'"{REGION}"',
    }
    (folder / "app").mkdir(parents=True, exist_ok=True)
    (folder / "app" / "server.py").write_text("print('hello')\n")
    (folder / "tiny.pkr.hcl").write_text(
        f"""packer {{
  required_plugins {{
    amazon = {{
      version = ">= 1.2.8"
      source  = "github.com/hashicorp/amazon"
    }}
  }}
}}
{variables}
{more}
source "amazon-ebs" "tiny" {{
  ami_name      = {values["ami_name"]}
  tags          = {values["tags"]}
  skip_ami_run_tags = true # moto has no tags of snapshots in CreateImage
  region        = {values["region"]}
  instance_type = "t3.micro"
  source_ami    = "{BASE_IMAGE}"
  communicator  = "{communicator}"
  ssh_username  = "debian"
  ssh_host      = "127.0.0.1"
  ssh_port      = 1
}}
build {{
  sources = ["source.amazon-ebs.tiny"]
  {provisioner}
}}
"""
    )
    return folder


def props_of(folder: Path, **changes: Any) -> dict[str, Any]:
    """A PackerImage's inputs for *folder*, as its constructor computes them."""
    props: dict[str, Any] = {
        "folder": str(folder),
        "family": "tiny",
        "region": REGION,
        "variables": {},
        "build_timeout_minutes": 5,
        "verify": False,  # plain moto has no machine that could be looked at
        **changes,
    }
    digests = digest_files(folder)
    computed = {
        "file_digests": digests,
        "fingerprint": fingerprint_of(digests, props["variables"], props["family"]),
    }
    return {**computed, **props}


def inputs_of(folder: Path, **changes: Any) -> ImageInputs:
    """The same, parsed."""
    return inputs_from(props_of(folder, **changes))
