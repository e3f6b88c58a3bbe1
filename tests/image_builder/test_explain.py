"""`explain`, against an emulated EC2."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from image_builder.__main__ import main
from image_builder.ami import Ami
from image_builder.amis import Amis
from image_builder.commands.common import Exit
from tests.image_builder.emulated_ec2 import EmulatedEc2
from tests.image_builder.recorded_images import bare_image, image_of
from tests.image_builder.templates import write_image


@pytest.fixture
def folder(project: Path) -> Path:
    return write_image(project / "images/tiny")


def test_every_file_that_differs_from_the_newest_image_is_named(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = image_of(ec2, folder, GitCommit="4e5f6a7b8c9d")
    (folder / "app/server.py").write_text("print('bye')\n")
    (folder / "app/new.py").write_text("")
    (folder / "tiny.pkr.hcl").chmod(0o755)

    assert main(["explain", "--folder", "images/tiny", "--json"]) == Exit.FOUND

    told = json.loads(capsys.readouterr().out)
    assert (told["outcome"], told["ami_id"], told["family"]) == ("build", "", "tiny")
    assert told["against"]["ami_id"] == ami_id
    assert told["against"]["hindrance"] == ""
    assert {one["path"]: one["change"] for one in told["against"]["files"]} == {
        "app/new.py": "added",
        "app/server.py": "changed",
        "tiny.pkr.hcl": "became executable",
    }


def test_an_image_of_the_same_fingerprint_is_reused(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = image_of(ec2, folder)

    assert main(["explain", "--folder", "images/tiny"]) == Exit.DONE

    printed = capsys.readouterr().out
    assert printed.startswith(f"reuse {ami_id} (built ")
    assert printed.count("\n") == 1


def test_a_revoked_image_of_the_same_fingerprint_is_why_one_is_built(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = image_of(ec2, folder, Revoked="CVE-2026-1")

    assert main(["explain", "--folder", "images/tiny"]) == Exit.FOUND

    printed = capsys.readouterr().out
    assert printed.startswith("build: no image of fingerprint ")
    assert printed.endswith(f" can be used: {ami_id} is Revoked: CVE-2026-1\n")


def test_a_pin_is_used_and_its_differences_are_told(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = image_of(ec2, folder, Verified="2026-01-01T00:00:00Z")
    (folder / "app/server.py").unlink()

    assert main(["explain", "--folder", "images/tiny", "--pin", ami_id]) == Exit.DONE

    headline, title, change = capsys.readouterr().out.splitlines()
    assert headline.startswith(f"pinned to {ami_id} ")
    assert title.startswith(f"against {ami_id} ")
    assert change == "  app/server.py  removed"


def test_a_pin_that_does_not_hold_is_one_line(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = image_of(ec2, folder, Revoked="CVE-2026-1")

    assert main(["explain", "--folder", "images/tiny", "--pin", ami_id]) == Exit.FAILED

    assert "is Revoked: CVE-2026-1" in capsys.readouterr().err


def test_of_an_image_without_a_record_nothing_is_made_up(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = bare_image(ec2, "old", {"Built-By": "packer", "ImageFamily": "tiny"})

    assert folder.is_dir()

    assert main(["explain", "--folder", "images/tiny"]) == Exit.FOUND

    headline, title, reason = capsys.readouterr().out.splitlines()
    assert headline.startswith("build: there is no image of fingerprint ")
    assert title.startswith(f"against {ami_id} ")
    assert reason.startswith("  not recorded: ")


def test_a_changed_variable_is_named(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image_of(ec2, folder)

    assert main(["explain", "--folder", "images/tiny", "--variable", "port=8080"]) == Exit.FOUND

    assert capsys.readouterr().out.endswith("  variable port  changed\n")


def test_the_first_image_of_a_family_is_compared_with_nothing(
    ec2: EmulatedEc2, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ec2.endpoint_url
    assert folder.is_dir()

    assert main(["explain", "--folder", "images/tiny"]) == Exit.FOUND

    assert capsys.readouterr().out.count("\n") == 1


@pytest.fixture
def prod(project: Path, folder: Path) -> Path:
    """The config of a stack that runs what succeeded in dev."""
    assert folder.is_dir()
    config = "config:\n  imageFolder:\n    type: string\n    default: images/tiny\n"
    (project / "Pulumi.yaml").write_text(f"name: shop\n{config}")
    own = "config:\n  aws:region: us-east-1\n  shop:requireVerifiedIn: dev\n"
    (project / "Pulumi.prod.yaml").write_text(own)
    return project / "Pulumi.prod.yaml"


def test_a_stack_that_builds_nothing_refuses_what_did_not_succeed_where_it_has_to(
    ec2: EmulatedEc2, folder: Path, prod: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prod.exists()
    ami_id = image_of(ec2, folder)

    assert main(["explain", "--stack", "prod"]) == Exit.FAILED
    assert "has succeeded in dev · one that did was expected" in capsys.readouterr().err

    ec2.client().create_tags(Resources=[ami_id], Tags=[{"Key": "VerifiedIn:dev", "Value": "2026-01-01"}])
    assert main(["explain", "--stack", "prod"]) == Exit.DONE
    assert capsys.readouterr().out.startswith(f"reuse {ami_id} (built ")


def test_what_a_stack_runs_is_compared_with_what_it_would_get(
    ec2: EmulatedEc2, folder: Path, prod: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = image_of(ec2, folder, installed=None, **{"VerifiedIn:prod": "2026-01-01T00:00:00Z"})
    (folder / "app/server.py").write_text("print('bye')\n")
    new = image_of(ec2, folder, installed=None, **{"VerifiedIn:dev": "2026-02-01T00:00:00Z"})
    prod.write_text("config:\n  shop:promoteFrom: dev\n")

    assert main(["explain", "--stack", "prod", "--json"]) == Exit.DONE

    told = json.loads(capsys.readouterr().out)
    assert (told["outcome"], told["ami_id"], told["against"]["ami_id"]) == ("promote", new, old)
    assert told["against"]["files"] == [{"path": "app/server.py", "change": "changed"}]


@pytest.mark.parametrize(("allowed", "exit_code"), [("true", Exit.DONE), ("false", Exit.FAILED)])
def test_a_stacks_pin_passes_its_gate_or_is_allowed_to_miss_it(
    ec2: EmulatedEc2, folder: Path, prod: Path, allowed: str, exit_code: Exit
) -> None:
    pin = f"  shop:pinnedAmi: {image_of(ec2, folder)}\n  shop:allowUnverifiedPin: '{allowed}'\n"
    prod.write_text(f"{prod.read_text()}{pin}")

    assert main(["explain", "--stack", "prod"]) == exit_code


def test_a_stack_without_a_config_is_refused(prod: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prod.exists()

    assert main(["explain", "--stack", "pord"]) == Exit.FAILED

    assert "there is no Pulumi.pord.yaml · the config of a stack was expected" in capsys.readouterr().err


@pytest.mark.parametrize(("verifies", "is_said"), [("true", True), ("false", False)])
def test_that_checks_are_run_first_is_said_where_the_stack_has_them_run(
    ec2: EmulatedEc2,
    folder: Path,
    prod: Path,
    capsys: pytest.CaptureFixture[str],
    verifies: str,
    is_said: bool,
) -> None:
    image_of(ec2, folder)
    prod.write_text(f"config:\n  shop:verifyImage: {verifies}\n")

    assert main(["explain", "--stack", "prod"]) == Exit.DONE

    assert ("its checks are run first" in capsys.readouterr().out) is is_said


def test_images_of_trusted_accounts_are_looked_for_whatever_form_the_list_has(
    ec2: EmulatedEc2, folder: Path, prod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ec2.endpoint_url
    assert folder.is_dir()
    asked: list[Sequence[str]] = []

    def find_public(_amis: Amis, owners: Sequence[str], _filters: object) -> list[Ami]:
        asked.append(owners)
        return []

    monkeypatch.setattr(Amis, "find_public", find_public)

    for owners in ('["self", "111122223333"]', '\'["self", "111122223333"]\''):
        prod.write_text(f"config:\n  shop:imageOwners: {owners}\n")
        assert main(["explain", "--stack", "prod"]) == Exit.FOUND

    assert asked == [["111122223333"], ["111122223333"]]


def test_a_stacks_pin_that_is_a_secret_is_one_line(
    ec2: EmulatedEc2, prod: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ec2.endpoint_url
    prod.write_text("config:\n  shop:pinnedAmi: {secure: abc}\n")

    assert main(["explain", "--stack", "prod"]) == Exit.FAILED

    assert capsys.readouterr().err.startswith("Pulumi.prod.yaml: pinnedAmi is a secret · ")
