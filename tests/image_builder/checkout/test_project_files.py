"""What the files of a checkout want kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_builder.bases.base_image import LOCK_FILE, BaseImageLock, LockedImage
from image_builder.checkout.project_files import read_project_files

BASE = LockedImage(
    ami_id="ami-00000009", name="golden-1", owner_id="123456789012", created_at="2026-01-01T00:00:00Z"
)
LOCK = BaseImageLock(found_by={}, images={"us-east-1": {"x86_64": BASE}}).to_text()


@pytest.mark.parametrize(
    ("text", "pins"),
    [
        ("", {}),
        ("encryptionsalt: v1\n", {}),
        ("config:\n  aws:region: us-east-1\n", {}),
        ('config:\n  web:pinnedAmi: ""\n', {}),
        ("config:\n  web:pinnedAmi: ami-1\n", {"ami-1": ["Pulumi.dev.yaml"]}),
    ],
)
def test_a_stacks_config_is_read_for_its_pin(tmp_path: Path, text: str, pins: dict[str, list[str]]) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(text)

    assert read_project_files(tmp_path).pins == pins


@pytest.mark.parametrize("entry", ["ami-1", "{type: string, default: ami-1}", "{value: ami-1}"])
def test_a_pin_of_all_stacks_counts_too(tmp_path: Path, entry: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(f"name: web\nconfig:\n  pinnedAmi: {entry}\n")

    assert read_project_files(tmp_path).pins == {"ami-1": ["Pulumi.yaml"]}


def test_the_families_are_those_that_any_stack_deploys_and_the_default_one(tmp_path: Path) -> None:
    common = "name: shop\nconfig:\n  imageFamily: {type: string, default: web}\n"
    (tmp_path / "Pulumi.yaml").write_text(common)
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  shop:imageFamily: web-two\n")
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  blog:imageFamily: blog\n")

    assert read_project_files(tmp_path).families == {"web", "web-two"}


def test_the_base_that_any_image_is_locked_to_is_pinned(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nconfig:\n  imageFolder: {default: machines/web}\n")
    for folder in ("machines/web", "images/other", "images/unlocked"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("machines/web", "images/other"):
        (tmp_path / folder / LOCK_FILE).write_text(LOCK)

    pins = read_project_files(tmp_path).pins

    assert pins == {BASE.ami_id: [f"images/other/{LOCK_FILE}", f"machines/web/{LOCK_FILE}"]}


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("Pulumi.dev.yaml", b"config: [", "Pulumi.dev.yaml cannot be read: "),
        ("Pulumi.dev.yaml", b"\xff", "Pulumi.dev.yaml cannot be read: "),
        ("Pulumi.dev.yaml", b"config:\n  web:pinnedAmi: {secure: abc}\n", "pinnedAmi is a secret"),
        ("Pulumi.dev.yaml", b"config:\n  shop:imageFamily: {secure: abc}\n", "imageFamily is a secret"),
        (f"images/web/{LOCK_FILE}", b"{", "is no lock of base images"),
        (f"images/web/{LOCK_FILE}", b"\xff", "cannot be read ("),
    ],
)
def test_a_file_that_cannot_be_read_is_said_and_the_others_are_read(
    tmp_path: Path, file: str, content: bytes, reason: str
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  shop:pinnedAmi: ami-1\n")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_bytes(content)

    read = read_project_files(tmp_path)

    (problem,) = read.problems
    assert reason in problem
    assert read.pins == {"ami-1": ["Pulumi.prod.yaml"]}


def test_a_project_file_that_cannot_be_read_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: [")

    assert len(read_project_files(tmp_path).problems) == 1


def test_elsewhere_there_is_nothing(tmp_path: Path) -> None:
    read = read_project_files(tmp_path)

    assert (read.project, read.pins, read.families, read.problems) == ("", {}, frozenset(), [])
