"""The run's tags on everything that a build makes, whatever its template says.

What a lost machine leaves behind is found by them (temporaries.py), and of each AMI it is known whose it is
and what it was made of, however its build ended. The private copy of the template gives each source blocks
(`tag`, `run_tag`, `run_volume_tag`) in addition to what it does not use `var.tags` for: Packer adds them to
the template's own `tags`, `run_tags` and `run_volume_tags` (packer-plugin-amazon v1.8.0,
builder/ebs/builder.go, Prepare). Such a source moves into a file of its own, at its old line, and leaves as
many empty lines behind: Packer's messages still name the right line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from image_builder.packer_template.hcl import as_list, block_in, bodies_of, read_text, template_files
from image_builder.packer_template.hcl_text import open_up, replace_blocks

_KINDS = {
    "amazon-ebs": ("tag", "run_tag", "run_volume_tag"),
    "amazon-ebssurrogate": ("tag", "run_tag", "run_volume_tag"),
    "amazon-instance": ("tag", "run_tag"),
    "amazon-chroot": ("tag",),
}
"""The blocks that each builder of AMIs takes (packer-plugin-amazon v1.8.0, builder/*/builder.hcl2spec.go)."""
_NAME_IN = {"tag": "key", "run_tag": "key", "run_volume_tag": "name"}
_OURS = re.compile(r"\bvar\.tags\b")
_NAME_TAG = "Name"
"""Left to the template where it sets it: a block would win."""


def add_run_tags(folder: Path, tags: Mapping[str, str]) -> None:
    """Have the template in *folder* put *tags* on all that Packer makes of it, for a while and for good."""
    added = {key: value for key, value in tags.items() if key != _NAME_TAG}
    for file in template_files(folder):
        if file.suffix == ".json":
            _add_to_json(file, added)
        else:
            _add_to_hcl(file, added)


def _add_to_hcl(file: Path, tags: Mapping[str, str]) -> None:
    moved: list[str] = []

    def take(text: str, line: int) -> str:
        source = block_in(text)
        # The attribute beside run_tag is run_tags.
        kinds = [
            kind
            for kind in _KINDS.get(source.labels[0], ())
            if not _OURS.search(str(source.body.get(f"{kind}s", "")))
        ]
        if not kinds:
            return text
        moved.append("\n" * line + open_up(text, "".join(_blocks(kind, tags) for kind in kinds)) + "\n")
        return "\n" * text.count("\n")

    rest = replace_blocks(read_text(file), "source", take)
    for number, text in enumerate(moved, 1):
        stem = file.name.removesuffix(".pkr.hcl")
        file.with_name(f"{stem}.source-{number}.pkr.hcl").write_text(text, encoding="utf-8")
    if moved:
        file.write_text(rest, encoding="utf-8")


def _add_to_json(file: Path, tags: Mapping[str, str]) -> None:
    document = json.loads(read_text(file))
    for (builder, _), source in bodies_of(document, "source"):
        for kind in _KINDS.get(builder, ()):
            ours = [{_NAME_IN[kind]: key, "value": value} for key, value in tags.items()]
            source[kind] = [*as_list(source.get(kind, [])), *ours]
    file.write_text(json.dumps(document, indent=2), encoding="utf-8")


def _blocks(kind: str, tags: Mapping[str, str]) -> str:
    return "".join(
        f"\n  {kind} {{\n    {_NAME_IN[kind]} = {json.dumps(key)}\n    value = {json.dumps(value)}\n  }}"
        for key, value in tags.items()
    )
