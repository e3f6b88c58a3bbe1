"""HCL as text: what is changed in the private copy of a template, where all else has to stay as it is.

The parser's tree says where a block begins and ends. It stumbles over comments where few write any and over
the marks that trim a template (`${~ x ~}`), so it is shown the text without them (plain), as long as before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import hcl2

_STRING, _EXPRESSION = '"', "${"
# A heredoc is passed over as a whole; of a string only its end and its expressions count.
_IN_CODE = re.compile(
    r"(?P<comment>/\*.*?\*/)|(?:#|//)[^\n]*|<<-?(?P<mark>[\w-]+)\r?\n(?:.*?\n)?[ \t]*(?P=mark)[ \t]*\r?$"
    r'|(?P<open>[{"])|(?P<close>~?\})',
    re.DOTALL | re.MULTILINE,
)
_IN_STRING = re.compile(r'\\.|\$\$\{|%%\{|(?P<open>[$%]\{~?)|(?P<close>")', re.DOTALL)


def plain(text: str) -> str:
    """*text*, each character in its place, with blanks for comments in `/* */` and marks that trim."""
    pieces, end = [], 0
    for start, stop in _blanked(text):
        pieces += [text[end:start], " " * (stop - start)]
        end = stop
    return "".join([*pieces, text[end:]])


def escaped(text: str) -> str:
    """*text* with nothing in it that a template would take for an expression."""
    return text.replace("${", "$${").replace("%{", "%%{")


def quoted(text: str) -> str:
    """*text* as a string of HCL; what is an expression in it stays one."""
    # U+2028 and such: JSON in ASCII has only escapes that HCL has too.
    return json.dumps(text)


def replace_blocks(text: str, kind: str, replace: Callable[[str, int], str]) -> str:
    """The HCL *text* with what *replace* makes of each block of *kind* and the number of lines before it."""
    return _replace(text, _tree(text), kind, replace)


def replace_inner_blocks(block: str, kind: str, replace: Callable[[str], str]) -> str:
    """The HCL text *block* with what *replace* makes of each block of *kind* directly in it."""
    return _replace(block, _body(block), kind, lambda inner, _line: replace(inner))


def open_up(block: str, more: str) -> str:
    """The HCL text *block* with *more* at its end."""
    # Labels hold no braces: what is before the first one is the block's kind and labels.
    begin = plain(block).index("{")
    opening, inside = block[:begin], block[begin + 1 :].removesuffix("}")
    # HCL allows no nested block in a block written on one line, so that line is opened up.
    newline = "" if "\n" in inside else "\n"
    return f"{opening}{{{newline}{inside}{more}\n}}"


def without(block: str, is_unwanted: Callable[[str, bool], bool]) -> str:
    """The HCL text *block* without what is unwanted directly in it, by its name and whether it is a block.

    Each line keeps its number.
    """
    spans = [
        (child.meta.start_pos, child.meta.end_pos)
        for child in _body(block).children
        if getattr(child, "data", None) in ("attribute", "block")
        and is_unwanted(str(child.children[0].children[0]), child.data == "block")
    ]
    pieces, end = [], 0
    for start, next_end in spans:
        pieces += [block[end:start], "\n" * block.count("\n", start, next_end)]
        end = next_end
    return "".join([*pieces, block[end:]])


def _replace(text: str, within: Any, kind: str, replace: Callable[[str, int], str]) -> str:
    spans = [
        (child.meta.start_pos, child.meta.end_pos)
        for child in within.children
        if getattr(child, "data", None) == "block" and child.children[0].children[0] == kind
    ]
    pieces, end = [], 0
    for start, next_end in spans:
        pieces += [text[end:start], replace(text[start:next_end], text.count("\n", 0, start))]
        end = next_end
    return "".join([*pieces, text[end:]])


def _tree(text: str) -> Any:
    return hcl2.parses_to_tree(plain(text)).children[0]


def _body(block: str) -> Any:
    """Where in the tree of the one *block* its attributes and inner blocks are."""
    (outer,) = (child for child in _tree(block).children if getattr(child, "data", None) == "block")
    (body,) = (child for child in outer.children if getattr(child, "data", None) == "body")
    return body


def _blanked(text: str) -> Iterator[tuple[int, int]]:
    inside: list[str] = []
    at = 0
    while found := (_IN_STRING if inside[-1:] == [_STRING] else _IN_CODE).search(text, at):
        at = found.end()
        if found.groupdict().get("comment"):
            yield found.span("comment")
        elif opening := found["open"]:
            is_expression = opening[0] in "$%"
            inside.append(_EXPRESSION if is_expression else opening)
            if opening.endswith("~"):
                yield at - 1, at
        elif closing := found["close"]:
            if closing.startswith("~"):
                yield found.start("close"), found.start("close") + 1
            if inside:
                inside.pop()
