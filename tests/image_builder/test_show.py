"""`show`, against an emulated EC2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_builder.__main__ import main
from image_builder.commands.common import Exit
from tests.image_builder.emulated_ec2 import BASE_IMAGE, EmulatedEc2
from tests.image_builder.recorded_images import bare_image, image_of
from tests.image_builder.templates import write_image

OURS = {"Built-By": "packer", "ImageFamily": "web"}


def test_everything_about_an_image_is_told(ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]) -> None:
    hardened = bare_image(ec2, "hardened", {**OURS, "SourceAmi": BASE_IMAGE})
    web = bare_image(ec2, "web", {**OURS, "SourceAmi": hardened})
    runner = ec2.client().run_instances(ImageId=hardened, MinCount=1, MaxCount=1)["Instances"][0]

    assert main(["show", hardened, "--json"]) == Exit.DONE

    told = json.loads(capsys.readouterr().out)
    assert told["tags"]["ImageFamily"] == "web"
    assert [one["state"] for one in told["snapshots"]] == ["completed"]
    assert [one["ami_id"] for one in told["ancestors"]] == [BASE_IMAGE]
    assert [(one["ami_id"], one["built_on"]) for one in told["descendants"]] == [(web, hardened)]
    assert [one["instance_id"] for one in told["instances"]] == [runner["InstanceId"]]
    assert told["runs_in"] == {"groups": {}, "without_group": 1}


def test_a_person_reads_it_in_sections(ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]) -> None:
    ami_id = bare_image(ec2, "web", {**OURS, "SourceAmi": "ami-00000000000000001"})

    assert main(["show", ami_id]) == Exit.DONE

    printed = capsys.readouterr().out
    assert printed.startswith(f"{ami_id}  web\n  state         available\n")
    assert "built on\n  ami-00000000000000001  deregistered, or not shared with this account\n" in printed
    assert printed.endswith("run by\n  nothing\n")


def test_the_files_that_it_was_made_of_are_told(
    ec2: EmulatedEc2, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = image_of(ec2, write_image(project / "images/tiny"))

    assert main(["show", ami_id]) == Exit.DONE

    made_of = capsys.readouterr().out.split("made of\n")[1].splitlines()[:2]
    assert [line.split()[::2] for line in made_of] == [["app/server.py", "file"], ["tiny.pkr.hcl", "file"]]
    assert main(["show", ami_id, "--json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["files"].keys() == {"app/server.py", "tiny.pkr.hcl"}
    assert (told["variables"], told["files_hindrance"]) == ({}, "")


def test_the_number_of_its_packages_is_told_and_programs_get_their_versions(
    ec2: EmulatedEc2, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_image(project / "images/tiny")
    ami_id = image_of(ec2, folder, installed={"bash": "5.2", "gunicorn": "20.1.0-6"})

    assert main(["show", ami_id]) == Exit.DONE
    assert "packages\n  2 installed; --json names them\n" in capsys.readouterr().out
    assert main(["show", ami_id, "--json"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["packages"] == {"bash": "5.2", "gunicorn": "20.1.0-6"}
    assert main(["show", image_of(ec2, folder), "--json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert (told["packages"], told["packages_hindrance"]) == ({}, "package list not recorded")


def test_an_image_that_is_not_there_is_one_line(ec2: EmulatedEc2, capsys: pytest.CaptureFixture[str]) -> None:
    assert ec2.endpoint_url

    assert main(["show", "ami-00000000000000001"]) == Exit.FAILED

    error = capsys.readouterr().err
    assert error.startswith("ami-00000000000000001 does not exist in us-east-1")
    assert error.count("\n") == 1


def test_what_is_no_ami_id_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["show", "web-app"])

    assert ended.value.code == Exit.USAGE
    assert "17 (or 8) hexadecimal digits were expected" in capsys.readouterr().err
