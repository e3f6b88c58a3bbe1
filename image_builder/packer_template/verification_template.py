"""The template that boots an image once, for its checks: the image's own template, with another end.

The machine is like the one that the image was built on, in the same network, with the same login; only it
starts from the new AMI, runs the checks in place of the provisioners, and no AMI is made of it. Where that
cannot be (another user, another builder), the image folder has a template of its own in `verify/`; it is used
in place of the image's, and of it too only where its machine stands counts.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from image_builder.packer_template.hcl import (
    as_list,
    block_in,
    bodies_of,
    is_literal,
    labelled,
    read_blocks,
    read_text,
    template_files,
    value_files,
)
from image_builder.packer_template.hcl_text import (
    open_up,
    quoted,
    replace_blocks,
    replace_inner_blocks,
    without,
)
from image_builder.packer_template.template import built_images, problems_of, read_template

CHECKS = "verify"
"""The folder in an image folder that holds its checks."""
BUILDER = "amazon-ebs"
_NOT_FOR_A_BOOT = (
    *("source_ami", "source_ami_filter", "skip_create_ami", "ami_name"),
    # Packer deregisters the AMIs of that name even where it makes none itself: the one to verify among them
    # (packer-plugin-amazon v1.8.0, builder/ebs/builder.go, StepDeregisterAMI knows no skip_create_ami).
    *("force_deregister", "force_delete_snapshot"),
)
_KEPT_OF_A_BUILD = ("name", "description", "source", "sources")


def booting_folder(folder: Path) -> Path:
    """The folder with the template that an image of *folder* is booted with."""
    return folder / CHECKS if template_files(folder / CHECKS) else folder


def boot_problems(folder: Path, region: str | None) -> list[str]:
    """Why an image of *folder* cannot be verified, in *region* (None while it is not known)."""
    where = booting_folder(folder)
    template = read_template(where)
    problems = problems_of(template, region)
    if problems and where != folder:
        return [f"{CHECKS}/: {problem}" for problem in problems]
    if problems or not all(map(is_literal, template.images)):
        return []
    (image,) = template.images
    if not image.startswith(f"{BUILDER}."):
        return [f"{image} cannot boot an image for its checks · {_ADVICE}"]
    return [
        f"{image} {problem} · {_ADVICE}"
        for _, source in built_images(read_blocks(where))
        for problem in _problems_with_login(source)
    ]


_ADVICE = (
    f"write a template with an {BUILDER} source that is reached by SSH into {CHECKS}/, or set verify to false"
)


def _problems_with_login(source: Mapping[str, Any]) -> list[str]:
    communicator = source.get("communicator", "ssh")
    if is_literal(communicator) and communicator != "ssh":
        return [f"has the communicator {communicator}, and checks log in by SSH"]
    if source.get("ssh_bastion_host"):
        return ["is reached through ssh_bastion_host, and checks log in directly"]
    if source.get("ssh_agent_auth") in (True, "true"):
        return ["has ssh_agent_auth, and checks have no agent"]
    return []


def make_it_boot(folder: Path, ami_id: str, ami_name: str, commands: Sequence[str]) -> None:
    """Have the template in *folder* boot *ami_id* and run *commands* here, beside it; and make no AMI.

    A command may hold Packer's `${build.…}`; each is a script of its own.
    """
    if template_files(folder / CHECKS):
        for file in _files_for_packer(folder):
            file.unlink()
        for file in _files_for_packer(folder / CHECKS):
            shutil.move(file, folder / file.name)
    boot = {"source_ami": ami_id, "skip_create_ami": True, "ami_name": ami_name}
    for file in template_files(folder):
        if file.suffix == ".json":
            _change_json(file, boot, commands)
        else:
            _change_hcl(file, boot, commands)


def _files_for_packer(folder: Path) -> list[Path]:
    return [*template_files(folder), *value_files(folder)]


def _change_hcl(file: Path, boot: Mapping[str, Any], commands: Sequence[str]) -> None:
    more = "".join(f"\n  {name} = {json.dumps(value)}" for name, value in boot.items())
    checks = "".join(
        f'\n  provisioner "shell-local" {{\n    inline = [{quoted(command)}]\n  }}' for command in commands
    )

    def bare(text: str) -> str:
        return without(text, lambda name, _: name in _NOT_FOR_A_BOOT)

    def source(text: str, _line: int) -> str:
        return open_up(bare(text), more) if block_in(text).labels[0] == BUILDER else text

    def build(text: str, _line: int) -> str:
        kept = without(text, lambda name, is_block: is_block and name not in _KEPT_OF_A_BUILD)
        return open_up(replace_inner_blocks(kept, "source", bare), checks)

    text = replace_blocks(read_text(file), "source", source)
    file.write_text(replace_blocks(text, "build", build), encoding="utf-8")


def _change_json(file: Path, boot: Mapping[str, Any], commands: Sequence[str]) -> None:
    document = json.loads(read_text(file))
    for (builder, _), source in bodies_of(document, "source"):
        if builder == BUILDER:
            _leave_out(source, _NOT_FOR_A_BOOT)
            source.update(boot)
    for _, build in bodies_of(document, "build"):
        _leave_out(build, {*build} - {*_KEPT_OF_A_BUILD})
        for inner in as_list(build.get("source", [])):
            for _, source in labelled(inner, 1):
                _leave_out(source, _NOT_FOR_A_BOOT)
        build["provisioner"] = [{"shell-local": {"inline": [command]}} for command in commands]
    file.write_text(json.dumps(document, indent=2), encoding="utf-8")


def _leave_out(body: dict[str, Any], names: Collection[str]) -> None:
    for name in names:
        body.pop(name, None)
