"""Packer's template files, parsed: the blocks of a folder's *.pkr.hcl and *.pkr.json as plain values.

Only what Packer itself reads: the files directly in the folder. Expressions stay text (`${var.name}`);
nothing is evaluated.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions
from lark.exceptions import LarkError

from image_builder.errors import TemplateError
from image_builder.packer_template.hcl_text import plain

_OPTIONS = SerializationOptions(strip_string_quotes=True, with_comments=False)
_LABELS = {"variable": 1, "variables": 0, "source": 2, "build": 0}
_VALUES = ("*.auto.pkrvars.hcl", "*.auto.pkrvars.json")


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


def value_files(folder: Path) -> list[Path]:
    """The files in *folder* from which Packer takes values of variables by itself, sorted."""
    return sorted(file for pattern in _VALUES for file in folder.glob(pattern))


def read_blocks(folder: Path) -> list[Block]:
    """All blocks of the template in *folder*."""
    return [block for file in template_files(folder) for block in _blocks_of(file)]


def read_names(folder: Path) -> set[str]:
    """The variables that the value files in *folder* set."""
    documents = [document for file in value_files(folder) for document in as_list(_read(file))]
    return {name for document in documents for name in document if not name.startswith("__")}


def read_text(file: Path) -> str:
    """The text of a template file; Packer takes a byte order mark at the beginning of HCL, not of JSON."""
    return file.read_text(encoding="utf-8" if file.suffix == ".json" else "utf-8-sig")


def is_literal(value: Any) -> bool:
    """Whether *value* is known without evaluating an expression."""
    if isinstance(value, str):
        return "${" not in value and "%{" not in value
    return not isinstance(value, list) or all(is_literal(item) for item in value)


def bodies_of(document: Any, kind: str) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Each block of *kind* in *document*, by its labels: the very body, whatever lists JSON has around it."""
    for root in as_list(document):
        for body in as_list(root.get(kind, [])):
            yield from labelled(body, _LABELS[kind])


def labelled(body: Any, labels: int) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Each block in *body*, which is that of a kind with so many *labels*; what is none is passed over."""
    if labels == 0:
        if isinstance(body, dict):
            yield (), body
        return
    for label, inner in body.items() if isinstance(body, dict) else ():
        if label.startswith("__"):
            continue
        for item in as_list(inner):
            for names, innermost in labelled(item, labels - 1):
                yield (label.strip('"'), *names), innermost


def block_in(text: str) -> Block:
    """The one block that the HCL *text* is, of a kind that a template has."""
    document = parse_hcl(text)
    (kind,) = (key for key in document if not key.startswith("__"))
    ((labels, body),) = bodies_of(document, kind)
    return Block(file="", kind=kind, labels=labels, body=body)


@functools.lru_cache(maxsize=16)  # A template is looked at from several sides, and takes a while to parse.
def parse_hcl(text: str) -> Any:
    """The HCL *text* as plain values, which stay as they are."""
    # The parser wants a line's end at the end of the file; HCL does not.
    return hcl2.loads(plain(text) + ("" if text.endswith("\n") else "\n"), serialization_options=_OPTIONS)


def as_list(value: Any) -> list[Any]:
    """*value* as the list that JSON may leave out around a single one."""
    return list(value) if isinstance(value, list) else [value]


def _blocks_of(file: Path) -> Iterator[Block]:
    document = _read(file)
    for kind in _LABELS:
        for labels, body in bodies_of(document, kind):
            yield Block(file=file.name, kind=kind, labels=labels, body=body)


def _read(file: Path) -> Any:
    """The document that *file* is: an object, or in JSON a list of objects."""
    try:
        text = read_text(file)
        document = json.loads(text) if file.suffix == ".json" else parse_hcl(text)
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{file.name} cannot be read: {error}") from error
    except RecursionError as error:
        raise TemplateError(f"{file.name} is nested too deeply to be read here · a flatter one") from error
    except (LarkError, ValueError) as error:
        kind = "JSON" if file.suffix == ".json" else "HCL"
        raise TemplateError(
            f"{file.name} cannot be read as {kind}: {_first_line(error)} · see what `packer validate` says "
            "of it; where that finds it valid, only our reader fails: write that place more plainly"
        ) from error
    if not all(isinstance(one, dict) for one in as_list(document)):
        raise TemplateError(f"{file.name} is no template · a JSON object was expected")
    return document


def _first_line(error: Exception) -> str:
    line = getattr(error, "line", None)
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return text if line is None or "line" in text else f"line {line}: {text}"
