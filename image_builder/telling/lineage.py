"""Which image is built on which, as a picture: bases at the left, each image right of what it is built on.

It stays readable with any number of images: those that run, those that were verified and the newest are
drawn, and how many others there are is said where they would be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from image_builder.registry.ancestry import base_of
from image_builder.registry.inventory import Listed
from image_builder.releasing.revocation import TAG_REJECTED, TAG_REVOKED, revocation_in
from image_builder.wording import age

MOST_IMAGES, MOST_COLUMNS = 24, 5
BOX_WIDTH, BOX_HEIGHT = 288, 64
_COLUMN_WIDTH, _ROW_HEIGHT, _CORNER = BOX_WIDTH + 48, BOX_HEIGHT + 14, 8
_MOST_LETTERS = 40


@dataclass(frozen=True, kw_only=True)
class Box:
    """One image, one base, or a number of images that are not drawn."""

    ami_id: str
    """Of our images alone."""
    lines: tuple[str, str, str]
    detail: str
    state: str
    """`base`, `refused`, `runs`, `verified`, `idle` or `others`"""
    x: int = 0
    y: int = 0


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """The picture; without boxes where there are no images."""

    boxes: Sequence[Box]
    lines: Sequence[str]
    """The path from each box to one that is built on it."""
    left_out: int

    @property
    def width(self) -> int:
        """In pixels."""
        return max((box.x for box in self.boxes), default=0) + BOX_WIDTH

    @property
    def height(self) -> int:
        """In pixels."""
        return max((box.y for box in self.boxes), default=0) + BOX_HEIGHT


@dataclass(frozen=True, kw_only=True)
class _Tree:
    """What each image is built on: an image of ours, or a base, whose id may not be recorded (empty)."""

    images: Mapping[str, Listed]
    parents: Mapping[str, str]

    def line(self, ami_id: str) -> list[str]:
        """The image *ami_id*, then what it is built on, nearest first; the last is a base."""
        line = [ami_id]
        while line[-1] in self.images:
            line.append(self.parents[line[-1]])
        return line

    def count_on(self, ami_id: str) -> str:
        """`3 images on it`, nothing for none."""
        count = sum(parent == ami_id for parent in self.parents.values())
        return f"{count} image{'' if count == 1 else 's'} on it" if count else ""


def draw_lineage(images: Sequence[Listed], now: datetime) -> Lineage:
    """The picture of *images*, which are told newest first."""
    tree = _tree(images)
    bases = dict.fromkeys(tree.line(ami_id)[-1] for ami_id in tree.images)
    drawn = _choose(tree) | bases.keys()
    left_out = [ami_id for ami_id in tree.images if ami_id not in drawn]
    others = Counter(next(one for one in tree.line(ami_id) if one in drawn) for ami_id in left_out)
    children: dict[str, list[str]] = {}
    for ami_id in tree.images:
        if ami_id in drawn:
            children.setdefault(tree.parents[ami_id], []).append(ami_id)
    boxes: list[Box] = []
    lines: list[str] = []
    row = 0

    def place(ami_id: str, column: int) -> None:
        nonlocal row
        x, y = column * _COLUMN_WIDTH, row * _ROW_HEIGHT
        box = _image_box(ami_id, tree, now) if ami_id in tree.images else _base_box(ami_id, tree, now)
        boxes.append(replace(box, x=x, y=y))
        first = row
        for child in children.get(ami_id, ()):
            lines.append(_path(x, y, row * _ROW_HEIGHT))
            place(child, column + 1)
        if others[ami_id]:
            lines.append(_path(x, y, row * _ROW_HEIGHT))
            boxes.append(replace(_others_box(others[ami_id]), x=x + _COLUMN_WIDTH, y=row * _ROW_HEIGHT))
            row += 1
        row = max(row, first + 1)

    for base in bases:
        place(base, 0)
    return Lineage(boxes=boxes, lines=lines, left_out=len(left_out))


def is_run(image: Listed) -> bool:
    """Whether any instance runs *image*."""
    return bool(image.users.groups or image.users.without_group)


def state_of(image: Listed) -> str:
    """What matters most of *image*, in a word."""
    if image.ami.refusal:
        return "refused"
    return "runs" if is_run(image) else "verified" if image.verified_in else "idle"


def standing(image: Listed) -> list[str]:
    """Whether *image* may be used, where it runs, and where it was verified: a line each."""
    return [
        *filter(None, (image.ami.refusal, image.ami.warning)),
        *([f"runs in {', '.join(image.users.lines)}"] if is_run(image) else []),
        *([f"verified in {', '.join(image.verified_in)}"] if image.verified_in else []),
    ]


def _tree(images: Sequence[Listed]) -> _Tree:
    # An image is younger than what it is built on: tags that say otherwise, in a circle even, are passed by.
    ours = {image.ami.ami_id for image in images}
    older: set[str] = set()
    parents: dict[str, str] = {}
    for image in sorted(images, key=lambda one: (one.ami.built_at, one.ami.ami_id)):
        base_id = base_of(image.ami)
        parents[image.ami.ami_id] = "" if base_id in ours and base_id not in older else base_id
        older.add(image.ami.ami_id)
    return _Tree(images={image.ami.ami_id: image for image in images}, parents=parents)


def _choose(tree: _Tree) -> set[str]:
    """The images to draw, each with all of ours that it is built on."""
    drawn: set[str] = set()
    for ami_id in sorted(tree.images, key=lambda one: _rank(tree.images[one])):
        line = tree.line(ami_id)
        missing = [one for one in line[:-1] if one not in drawn]
        if len(drawn) + len(missing) <= MOST_IMAGES and len(line) <= MOST_COLUMNS:
            drawn.update(missing)
    return drawn


def _rank(image: Listed) -> int:
    return 0 if is_run(image) else 1 if image.verified_in else 2


def _image_box(ami_id: str, tree: _Tree, now: datetime) -> Box:
    image = tree.images[ami_id]
    ami = image.ami
    built = f"built {age(ami.built_at, now)}" + (f" from {image.commit}" if image.commit else "")
    said = standing(image) or ["runs nowhere" if ami.is_available else ami.state]
    if on_it := tree.count_on(ami_id):
        said.append(on_it)
    return Box(
        ami_id=ami.ami_id,
        lines=(_short(ami.name or ami.ami_id), _short(built), _short(_gist(image) or _fitting(said))),
        detail="\n".join([f"{ami.name} {ami.ami_id}", built, *said]),
        state=state_of(image),
    )


def _base_box(base_id: str, tree: _Tree, now: datetime) -> Box:
    built_on_it = (tree.images[ami_id] for ami_id, parent in tree.parents.items() if parent == base_id)
    base = next((image.base for image in built_on_it if image.base), None)
    made = f"made {age(base.created_at, now)}" if base else "deregistered, or not shared" if base_id else ""
    count = tree.count_on(base_id)
    name = base.name if base else base_id or "base not recorded"
    return Box(
        ami_id="",
        lines=(_short(name), _short(made), count),
        detail="\n".join(filter(None, [f"{name} {base_id if base else ''}".rstrip(), made, count])),
        state="base",
    )


def _gist(image: Listed) -> str:
    """Of a refused image what fits into its box: that it runs for all that, or why it is refused."""
    if not image.ami.refusal:
        return ""
    revocation = revocation_in(image.ami.tags)
    word = TAG_REVOKED if revocation else TAG_REJECTED
    if is_run(image):
        return f"{word}, but runs in {', '.join(image.users.lines)}"
    return f"{word}: {revocation.reason if revocation else image.ami.tags.get(TAG_REJECTED)}"


def _others_box(count: int) -> Box:
    told = f"and {count} more"
    return Box(ami_id="", lines=(told, "", ""), detail=f"{told}, see the table of images", state="others")


def _path(x: int, from_y: int, to_y: int) -> str:
    """From the right of the box at *from_y* to the left of the one at *to_y*, which is not above it."""
    start, end, turn = x + BOX_WIDTH, x + _COLUMN_WIDTH, x + BOX_WIDTH + (_COLUMN_WIDTH - BOX_WIDTH) // 2
    y, to_y = from_y + BOX_HEIGHT // 2, to_y + BOX_HEIGHT // 2
    if y == to_y:
        return f"M{start} {y}H{end}"
    down = f"H{turn - _CORNER}q{_CORNER} 0 {_CORNER} {_CORNER}V{to_y - _CORNER}"
    return f"M{start} {y}{down}q0 {_CORNER} {_CORNER} {_CORNER}H{end}"


def _fitting(said: Sequence[str]) -> str:
    """As many of *said* as a box has room for, the first at least."""
    told = said[0]
    for more in said[1:]:
        if len(f"{told}, {more}") <= _MOST_LETTERS:
            told = f"{told}, {more}"
    return told


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_LETTERS else f"{line[: _MOST_LETTERS - 1]}…"
