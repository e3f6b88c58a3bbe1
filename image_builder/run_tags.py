"""Tags on everything temporary that a build makes, whatever its template says.

What a lost machine leaves behind is found by them (temporaries.py). The private copy of the template gives
each source that does not use `var.tags` for it `run_tag` and `run_volume_tag` blocks, which Packer adds to
the template's own `run_tags` and `run_volume_tags` (packer-plugin-amazon v1.8.0, builder/ebs/builder.go,
Prepare). Such a source moves into a file of its own, at its old line, and leaves as many empty lines behind:
Packer's messages still name the right line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_builder.hcl import block_in, open_up, replace_blocks, template_files

_BUILDERS = ("amazon-ebs", "amazon-ebssurrogate")
_OURS = re.compile(r"\bvar\.tags\b")
_NAMES_IN_BLOCKS = {"run_tag": "key", "run_volume_tag": "name"}


def add_run_tags(folder: Path, tags: Mapping[str, str]) -> None:
    """Have the template in *folder* put *tags* on all that Packer makes for a build, and on its volumes."""
    for file in template_files(folder):
        if file.suffix == ".json":
            _add_to_json(file, tags)
        else:
            _add_to_hcl(file, tags)


def _add_to_hcl(file: Path, tags: Mapping[str, str]) -> None:
    moved: list[str] = []

    def take(text: str, line: int) -> str:
        source = block_in(text)
        if source.labels[0] not in _BUILDERS or _is_tagged(source.body):
            return text
        moved.append("\n" * line + open_up(text, _blocks(tags)) + "\n")
        return "\n" * text.count("\n")

    rest = replace_blocks(file.read_text(encoding="utf-8"), "source", take)
    for number, text in enumerate(moved, 1):
        stem = file.name.removesuffix(".pkr.hcl")
        file.with_name(f"{stem}.source-{number}.pkr.hcl").write_text(text, encoding="utf-8")
    if moved:
        file.write_text(rest, encoding="utf-8")


def _add_to_json(file: Path, tags: Mapping[str, str]) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    for builder in _BUILDERS:
        for sources in _as_list(document.get("source", {})):
            for named in _as_list(sources.get(builder, {})):
                for source in named.values():
                    for kind, name in _NAMES_IN_BLOCKS.items():
                        ours = [{name: key, "value": value} for key, value in tags.items()]
                        source[kind] = [*_as_list(source.get(kind, [])), *ours]
    file.write_text(json.dumps(document, indent=2), encoding="utf-8")


def _is_tagged(body: Mapping[str, Any]) -> bool:
    return all(_OURS.search(str(body.get(name, ""))) for name in ("run_tags", "run_volume_tags"))


def _blocks(tags: Mapping[str, str]) -> str:
    return "".join(
        f"\n  {kind} {{\n    {name} = {json.dumps(key)}\n    value = {json.dumps(value)}\n  }}"
        for kind, name in _NAMES_IN_BLOCKS.items()
        for key, value in tags.items()
    )


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
