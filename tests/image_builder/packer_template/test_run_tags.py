"""Everything temporary carries the tags of its run, whatever the template says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_builder.packer_template.hcl import read_blocks, template_files
from image_builder.packer_template.run_tags import add_run_tags

TAGS = {"RunId": "20261123T080000-0123abcd", "RunDeadline": "2026-11-23T09:10:00Z"}
TAGGED = """
source "amazon-ebs" "web" {
  tags            = var.tags
  run_tags        = merge(var.tags, { Name = "x" })
  run_volume_tags = var.tags
}
"""
UNTAGGED = """variable "colour" { default = "{red}" }
source "null" "none" { communicator = "none" }
source "amazon-ebs" "web" { # a comment {
  region = "us-east-1"
  run_tags = {
    Team = "web"
  }
}
# after it
build {
  sources = ["source.amazon-ebs.web"]
}
"""


def write(folder: Path, text: str, name: str = "web.pkr.hcl") -> Path:
    (folder / name).write_text(text)
    return folder


def test_a_source_that_uses_our_tags_stays_as_it_is(tmp_path: Path) -> None:
    add_run_tags(write(tmp_path, TAGGED), TAGS)

    assert [file.name for file in template_files(tmp_path)] == ["web.pkr.hcl"]
    assert (tmp_path / "web.pkr.hcl").read_text() == TAGGED


@pytest.mark.parametrize("builder", ["amazon-ebs", "amazon-ebssurrogate"])
def test_any_other_source_gets_them_beside_its_own(tmp_path: Path, builder: str) -> None:
    add_run_tags(write(tmp_path, UNTAGGED.replace("amazon-ebs", builder)), TAGS)

    (source,) = (block for block in read_blocks(tmp_path) if block.labels == (builder, "web"))
    assert source.body["run_tags"] == {"Team": "web"}
    assert [(tag["key"], tag["value"]) for tag in source.body["run_tag"]] == list(TAGS.items())
    assert [(tag["name"], tag["value"]) for tag in source.body["run_volume_tag"]] == list(TAGS.items())
    assert [(tag["key"], tag["value"]) for tag in source.body["tag"]] == list(TAGS.items())


def test_a_source_gets_them_only_for_what_it_does_not_use_ours_for(tmp_path: Path) -> None:
    add_run_tags(write(tmp_path, TAGGED.replace("  tags            = var.tags\n", "")), TAGS)

    (source,) = read_blocks(tmp_path)
    assert {name for name in ("tag", "run_tag", "run_volume_tag") if name in source.body} == {"tag"}


def test_a_name_that_the_template_gives_stays(tmp_path: Path) -> None:
    add_run_tags(write(tmp_path, UNTAGGED), {**TAGS, "Name": "ours"})

    assert "ours" not in "".join(file.read_text() for file in template_files(tmp_path))


def test_every_line_of_the_template_keeps_its_number(tmp_path: Path) -> None:
    add_run_tags(write(tmp_path, UNTAGGED), TAGS)

    before = UNTAGGED.splitlines()
    rest = (tmp_path / "web.pkr.hcl").read_text().splitlines()
    source = (tmp_path / "web.source-1.pkr.hcl").read_text().splitlines()
    assert len(rest) == len(before)
    assert [new or moved for new, moved in zip(rest, source, strict=False)][:7] == before[:7]
    assert rest[8:] == before[8:]


def test_a_source_on_one_line_is_opened_up(tmp_path: Path) -> None:
    add_run_tags(write(tmp_path, 'source "amazon-ebs" "web" { region = "us-east-1" }\n'), TAGS)

    (source,) = read_blocks(tmp_path)
    assert source.body["region"] == "us-east-1"
    assert len(source.body["run_tag"]) == 2


def test_a_template_in_json_gets_them_too(tmp_path: Path) -> None:
    source = {"amazon-ebs": {"web": {"run_tag": [{"key": "Team", "value": "web"}]}}}
    add_run_tags(write(tmp_path, json.dumps({"source": source}), "web.pkr.json"), TAGS)

    (block,) = read_blocks(tmp_path)
    assert [tag["key"] for tag in block.body["run_tag"]] == ["Team", "RunId", "RunDeadline"]
    assert [tag["name"] for tag in block.body["run_volume_tag"]] == ["RunId", "RunDeadline"]


@pytest.mark.parametrize(
    "document",
    [
        {"source": {"amazon-ebs": {"web": [{"region": "us-east-1"}]}}},
        {"source": [{"amazon-ebs": [{"web": [{"region": "us-east-1"}]}]}]},
        [{"source": {"amazon-ebs": {"web": {"region": "us-east-1"}}}}, {"build": []}],
    ],
)
def test_a_template_in_json_may_have_lists_around_everything(tmp_path: Path, document: object) -> None:
    add_run_tags(write(tmp_path, json.dumps(document), "web.pkr.json"), TAGS)

    (block,) = read_blocks(tmp_path)
    assert block.body["region"] == "us-east-1"
    assert [tag["key"] for tag in block.body["tag"]] == list(TAGS)
