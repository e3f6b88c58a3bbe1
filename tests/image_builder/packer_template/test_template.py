"""What a template declares, and whether one AMI in one region comes out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_builder.building.manifest import add_manifest
from image_builder.errors import TemplateError
from image_builder.packer_template.hcl import read_blocks
from image_builder.packer_template.template import (
    Template,
    Variable,
    missing_variables,
    problems_of,
    read_template,
    variable_problems,
)
from tests.image_builder.emulated_ec2 import BASE_IMAGE
from tests.image_builder.templates import write_image

JSON_TEMPLATE = {
    "variable": {"ami_name": {"type": "string"}, "size": {"default": 3}},
    "source": {"amazon-ebs": {"web": {"ami_name": "${var.ami_name}", "region": "eu-west-1"}}},
    "build": {"sources": ["source.amazon-ebs.web"], "post-processor": {"checksum": {}}},
}


def template(folder: Path, text: str) -> Template:
    (folder / "t.pkr.hcl").write_text(text)
    return read_template(folder)


def test_variables_sources_and_regions_are_read(tmp_path: Path) -> None:
    image = write_image(
        tmp_path, takes=("ami_name",), more='variable "key" {\n  sensitive = true\n  default = ""\n}'
    )

    found = read_template(image)

    assert found == Template(
        variables={
            "ami_name": Variable(has_default=False, is_sensitive=False),
            "key": Variable(has_default=True, is_sensitive=True),
        },
        images=("amazon-ebs.tiny",),
        regions={"amazon-ebs.tiny": ("us-east-1",)},
        source_amis=(BASE_IMAGE,),
    )
    assert problems_of(found, "us-east-1") == []


def test_a_template_may_be_spread_over_files_and_be_json(tmp_path: Path) -> None:
    (tmp_path / "a.pkr.json").write_text(json.dumps(JSON_TEMPLATE))
    (tmp_path / "b.pkr.hcl").write_text('variables {\n  colour = "red"\n}\n')

    found = read_template(tmp_path)

    assert set(found.variables) == {"ami_name", "size", "colour"}
    assert found.images == ("amazon-ebs.web",)
    assert found.regions == {"amazon-ebs.web": ("eu-west-1",)}


def test_a_source_named_inside_the_build_counts(tmp_path: Path) -> None:
    found = template(tmp_path, 'build {\n  source "amazon-ebs.web" {\n    name = "x"\n  }\n}')

    assert found.images == ("amazon-ebs.web",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the template builds nothing"),
        ('source "amazon-ebs" "a" {}', "the template builds nothing"),
        ('build {\n  sources = ["amazon-ebs.a", "source.amazon-ebs.b"]\n}', "builds 2 images"),
        ('build {\n  sources = ["docker.a"]\n}', "docker.a makes no AMI"),
        (
            'source "amazon-ebs" "a" {\n  ami_regions = ["us-east-1", "eu-west-1"]\n}\n'
            'build {\n  sources = ["amazon-ebs.a"]\n}',
            "names region eu-west-1 · one AMI in us-east-1 was expected",
        ),
        (
            'source "amazon-ebs" "a" {\n  region = "eu-west-1"\n}\nbuild {\n  sources = ["amazon-ebs.a"]\n}',
            "names region eu-west-1",
        ),
    ],
)
def test_what_does_not_make_one_ami_in_one_region_is_said(tmp_path: Path, text: str, problem: str) -> None:
    found = template(tmp_path, text)

    assert [problem in said for said in problems_of(found, "us-east-1")] == [True]


def test_a_region_that_is_an_expression_is_left_to_packer(tmp_path: Path) -> None:
    found = template(
        tmp_path,
        'source "amazon-ebs" "a" {\n  region = var.region\n  ami_regions = var.more\n}\n'
        'build {\n  sources = ["amazon-ebs.a"]\n}',
    )

    assert problems_of(found, "us-east-1") == []


def test_no_folder_an_empty_one_and_one_without_a_template_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="does not exist"):
        read_template(tmp_path / "nowhere")
    with pytest.raises(TemplateError, match="is empty"):
        read_template(tmp_path)
    (tmp_path / "template.json").write_text("{}")
    with pytest.raises(TemplateError, match=r"has no \*\.pkr\.hcl or \*\.pkr\.json file"):
        read_template(tmp_path)


def test_what_is_no_hcl_is_one_line_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"t\.pkr\.hcl cannot be read as HCL: .*line 2") as raised:
        template(tmp_path, 'source "a" "b" {\n  x = = 1\n}')

    assert "\n" not in str(raised.value)
    assert "`packer validate` says of it; where that finds it valid, only our reader fails" in str(
        raised.value
    )


@pytest.mark.parametrize(
    "text",
    [
        '\ufeffsource "amazon-ebs" "a" {}\nbuild {\n  sources = ["amazon-ebs.a"]\n}',
        'build /* } { */ {\n  sources = ["amazon-ebs.a"]\n}',
        'build/* a\n b */{\n  sources /* = */ = ["amazon-ebs.a"]\n}',
        'source /* one */ "amazon-ebs" /* "x" */ "a" {\n}\nbuild {\n  sources = ["amazon-ebs.a"]\n}',
        'locals {\n  x = "a${~ var.y ~}b"\n}\nbuild {\n  sources = ["amazon-ebs.a"]\n}',
        'locals {\n  x = "${join("/*", ["}"])}"\n  y = "*/"\n}\nbuild {\n  sources = ["amazon-ebs.a"]\n}',
        'locals {\n  x = <<-E\n    " /* ${~ y ~}\n    E\n}\nbuild {\n  sources = ["amazon-ebs.a"]\n}',
        'locals {\n  x = "$${~ /*}" # " {\n}\nbuild {\n  sources = ["amazon-ebs.a"]\n}',
    ],
)
def test_what_packer_reads_is_read_and_gets_our_manifest(tmp_path: Path, text: str) -> None:
    assert template(tmp_path, text).images == ("amazon-ebs.a",)

    add_manifest(tmp_path / "t.pkr.hcl", tmp_path / "m.json")

    (build,) = [block for block in read_blocks(tmp_path) if block.kind == "build"]
    assert build.body["post-processor"][0]["manifest"]["output"] == str(tmp_path / "m.json")
    assert read_template(tmp_path).images == ("amazon-ebs.a",)


def test_what_a_build_sets_in_its_source_counts(tmp_path: Path) -> None:
    nested = f'source "amazon-ebs.a" {{\n    region = "eu-west-1"\n    source_ami = "{BASE_IMAGE}"\n  }}'

    found = template(tmp_path, f'source "amazon-ebs" "a" {{}}\nbuild {{\n  {nested}\n}}')

    assert found.regions == {"amazon-ebs.a": ("eu-west-1",)}
    assert found.source_amis == (BASE_IMAGE,)


@given(garbage=st.text() | st.binary())
def test_garbage_is_a_template_error_or_a_template(
    garbage: str | bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    for name in ("t.pkr.hcl", "t.pkr.json"):
        content = garbage if isinstance(garbage, bytes) else garbage.encode("utf-8", "surrogatepass")
        (folder / name).write_bytes(content)
        try:
            read_template(folder)
        except TemplateError:
            pass
        finally:
            (folder / name).unlink()


def test_a_variable_must_be_declared_and_neither_ours_nor_sensitive(tmp_path: Path) -> None:
    image = write_image(tmp_path, more='variable "size" {}\nvariable "key" {\n  sensitive = true\n}')

    variables = {"size": 1, "sise": 1, "tags": {}, "key": "x"}
    problems = variable_problems(read_template(image), variables, {"tags", "ami_name", "region"})

    assert "declares key, size" in problems["sise"]
    assert "set by PackerImage itself" in problems["tags"]
    assert "PKR_VAR_key" in problems["key"]
    assert "size" not in problems


def test_a_variable_without_any_value_is_missing(tmp_path: Path) -> None:
    image = write_image(
        tmp_path, more='variable "a" {}\nvariable "b" {}\nvariable "c" {}\nvariable "d" {\n  default = 1\n}'
    )

    given = {"a", "ami_name", "tags", "region"}
    assert missing_variables(read_template(image), given, {"PKR_VAR_b"}) == ["c"]


@pytest.mark.parametrize(
    ("name", "text"), [("x.auto.pkrvars.hcl", 'c = "3"\n'), ("x.auto.pkrvars.json", '{"c": "3"}')]
)
def test_a_value_that_packer_finds_in_the_folder_is_not_missing(tmp_path: Path, name: str, text: str) -> None:
    image = write_image(tmp_path, takes=(), more='variable "c" {}\nvariable "d" {}')
    (image / name).write_text(text)

    assert missing_variables(read_template(image), (), ()) == ["d"]


@pytest.mark.parametrize(
    "build",
    [
        'build {\n  sources = ["amazon-ebs.a"]\n  provisioner "shell" {\n    inline = ["} build {"]\n  }\n}',
        'build { sources = ["amazon-ebs.a"] }',
        'build{\n  sources = ["amazon-ebs.a"] # }\n}',
        'build {\n  name = "é"\n  post-processor "manifest" {\n    output = "mine.json"\n  }\n'
        '  sources = ["amazon-ebs.a"]\n}',
        'build {\n  provisioner "shell" {\n    inline = [<<-EOT\n      }\n    EOT\n    ]\n  }\n'
        '  sources = ["amazon-ebs.a"]\n}',
    ],
)
def test_every_build_gets_our_manifest_and_keeps_what_it_has(tmp_path: Path, build: str) -> None:
    file = tmp_path / "t.pkr.hcl"
    file.write_text(f'# build {{ é\n{build}\n\nvariable "x" {{}}')
    before = read_blocks(tmp_path)

    add_manifest(file, tmp_path / "${run}" / "m.json")

    (block,) = [block for block in read_blocks(tmp_path) if block.kind == "build"]
    outputs = [one["manifest"]["output"] for one in block.body["post-processor"] if "manifest" in one]
    assert outputs[-1] == f"{tmp_path}/$${{run}}/m.json"
    assert block.body["sources"] == ["amazon-ebs.a"]
    assert file.read_text().startswith(f"# build {{ é\n{build.split('{')[0]}")
    assert [block.kind for block in read_blocks(tmp_path)] == [block.kind for block in before]


def test_a_json_template_gets_our_manifest_after_its_own_post_processors(tmp_path: Path) -> None:
    file = tmp_path / "t.pkr.json"
    file.write_text(json.dumps(JSON_TEMPLATE))

    add_manifest(file, tmp_path / "m.json")

    build = json.loads(file.read_text())["build"]
    assert [list(one) for one in build["post-processor"]] == [["checksum"], ["manifest"]]
