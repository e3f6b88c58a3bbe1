"""Packer's template files, parsed: the blocks of a folder's *.pkr.hcl and *.pkr.json as plain values.

Only what Packer itself reads: the files directly in the folder. Expressions stay text (`${var.name}`);
nothing is evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions
from lark.exceptions import LarkError

from image_builder.errors import TemplateError

_OPTIONS = SerializationOptions(strip_string_quotes=True, with_comments=False)
_LABELS = {"variable": 1, "variables": 0, "source": 2, "build": 0}
_MANIFEST_IN_HCL = """
  post-processor "manifest" {{
    output     = {output}
    strip_path = true
  }}"""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block of a template: `source "amazon-ebs" "web" { … }` has kind source and two labels."""

    file: str
    kind: str
    labels: tuple[str, ...]
    body: Mapping[str, Any]


def template_files(folder: Path) -> list[Path]:
    """The files in *folder* that Packer takes as its template, sorted."""
    return sorted([*folder.glob("*.pkr.hcl"), *folder.glob("*.pkr.json")])


def read_blocks(folder: Path) -> list[Block]:
    """All blocks of the template in *folder*."""
    return [block for file in template_files(folder) for block in _blocks_of(file)]


def is_literal(value: Any) -> bool:
    """Whether *value* is known without evaluating an expression."""
    if isinstance(value, str):
        return "${" not in value and "%{" not in value
    return not isinstance(value, list) or all(is_literal(item) for item in value)


def add_manifest(file: Path, output: Path) -> None:
    """Make every build of the template *file* write its manifest to *output*, as its last post-processor.

    Everything before the end of a build block keeps its line, so Packer's messages still point at the right
    one.
    """
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        document = json.loads(text)
        if "build" in document:
            document["build"] = [_with_manifest(build, output) for build in as_list(document["build"])]
        file.write_text(json.dumps(document, indent=2), encoding="utf-8")
        return
    manifest = _MANIFEST_IN_HCL.format(output=quoted(escaped(str(output))))
    file.write_text(
        replace_blocks(text, "build", lambda block, _line: open_up(block, manifest)), encoding="utf-8"
    )


def escaped(text: str) -> str:
    """*text* with nothing in it that a template would take for an expression."""
    return text.replace("${", "$${").replace("%{", "%%{")


def quoted(text: str) -> str:
    """*text* as a string of HCL; what is an expression in it stays one."""
    # U+2028 and such: JSON in ASCII has only escapes that HCL has too.
    return json.dumps(text)


def replace_blocks(text: str, kind: str, replace: Callable[[str, int], str]) -> str:
    """The HCL *text* with what *replace* makes of each block of *kind* and the number of lines before it."""
    spans = [
        (child.meta.start_pos, child.meta.end_pos)
        for child in hcl2.parses_to_tree(text).children[0].children
        if getattr(child, "data", None) == "block" and child.children[0].children[0] == kind
    ]
    pieces, end = [], 0
    for start, next_end in spans:
        pieces += [text[end:start], replace(text[start:next_end], text.count("\n", 0, start))]
        end = next_end
    return "".join([*pieces, text[end:]])


def block_in(text: str) -> Block:
    """The one block that the HCL *text* is."""
    ((kind, bodies),) = ((key, value) for key, value in _parse_hcl(text).items() if not key.startswith("__"))
    ((labels, body),) = _labelled(as_list(bodies)[0], _LABELS[kind])
    return Block(file="", kind=kind, labels=labels, body=body)


def open_up(block: str, more: str) -> str:
    """The HCL text *block* with *more* at its end."""
    # Labels hold no braces: what is before the first one is the block's kind and labels.
    opening, _, rest = block.partition("{")
    inside = rest.removesuffix("}")
    # HCL allows no nested block in a block written on one line, so that line is opened up.
    newline = "" if "\n" in inside else "\n"
    return f"{opening}{{{newline}{inside}{more}\n}}"


def without(block: str, is_unwanted: Callable[[str, bool], bool]) -> str:
    """The HCL text *block* without what is unwanted directly in it, by its name and whether it is a block.

    Each line keeps its number.
    """
    tree = hcl2.parses_to_tree(block).children[0].children
    (outer,) = (child for child in tree if getattr(child, "data", None) == "block")
    (body,) = (child for child in outer.children if getattr(child, "data", None) == "body")
    spans = [
        (child.meta.start_pos, child.meta.end_pos)
        for child in body.children
        if getattr(child, "data", None) in ("attribute", "block")
        and is_unwanted(str(child.children[0].children[0]), child.data == "block")
    ]
    pieces, end = [], 0
    for start, next_end in spans:
        pieces += [block[end:start], "\n" * block.count("\n", start, next_end)]
        end = next_end
    return "".join([*pieces, block[end:]])


def _with_manifest(build: Mapping[str, Any], output: Path) -> dict[str, Any]:
    manifest = {"manifest": {"output": str(output), "strip_path": True}}
    return {**build, "post-processor": [*as_list(build.get("post-processor", [])), manifest]}


def _blocks_of(file: Path) -> Iterator[Block]:
    try:
        text = file.read_text(encoding="utf-8")
        document = json.loads(text) if file.suffix == ".json" else _parse_hcl(text)
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{file.name} cannot be read: {error}") from error
    except (LarkError, ValueError) as error:
        kind = "JSON" if file.suffix == ".json" else "HCL"
        raise TemplateError(
            f"{file.name} is no {kind}: {_first_line(error)} · see what `packer fmt -check` says of it"
        ) from error
    if not isinstance(document, dict):
        raise TemplateError(f"{file.name} is no template · a JSON object was expected")
    for kind, labels in _LABELS.items():
        for body in as_list(document.get(kind, [])):
            for names, inner in _labelled(body, labels):
                yield Block(file=file.name, kind=kind, labels=names, body=inner)


def _parse_hcl(text: str) -> Any:
    # The parser wants a line's end at the end of the file; HCL does not.
    return hcl2.loads(text if text.endswith("\n") else text + "\n", serialization_options=_OPTIONS)


def _labelled(body: Any, labels: int) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    if labels == 0:
        if isinstance(body, Mapping):
            yield (), body
        return
    for label, inner in body.items() if isinstance(body, Mapping) else ():
        if label.startswith("__"):
            continue
        for item in as_list(inner):
            for names, innermost in _labelled(item, labels - 1):
                yield (label.strip('"'), *names), innermost


def as_list(value: Any) -> list[Any]:
    """*value* as the list that JSON may leave out around a single one."""
    return list(value) if isinstance(value, list) else [value]


def _first_line(error: Exception) -> str:
    line = getattr(error, "line", None)
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return text if line is None or "line" in text else f"line {line}: {text}"
