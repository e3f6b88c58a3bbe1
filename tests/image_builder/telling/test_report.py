"""`report`: the facts, the file, and the command against Auto Scaling with instance refreshes."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from image_builder.__main__ import main
from image_builder.commands.common import Exit
from image_builder.telling.report import MOST_IMAGES, Report
from local_aws.home import REGION
from tests.image_builder import sample_reports
from tests.local_aws.auto_scaling.conftest import Account, account, ask_only, endpoint_url

__all__ = ["account", "endpoint_url"]
TAGS = [
    {"Key": key, "Value": value, "PropagateAtLaunch": False}
    for key, value in {"Project": "shop", "Stack": "dev"}.items()
]


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


REPORTS = [
    sample_reports.empty,
    sample_reports.single,
    sample_reports.busy,
    sample_reports.many,
    sample_reports.hostile,
]


@pytest.mark.parametrize("report", [make() for make in REPORTS], ids=[make.__name__ for make in REPORTS])
def test_a_page_has_nothing_that_runs_and_nothing_from_elsewhere(report: Report) -> None:
    elements = Elements(report.page()).found

    assert not {tag for tag, _ in elements} & {"script", "img", "iframe", "object", "embed", "link", "base"}
    attributes = [(name, value or "") for _, found in elements for name, value in found.items()]
    assert not [name for name, _ in attributes if name.startswith("on") or name in ("src", "srcset", "style")]
    assert all(value.startswith("#") for name, value in attributes if name == "href")
    assert len({value for name, value in attributes if name == "id"}) == sum(
        name == "id" for name, _ in attributes
    )


def test_what_somebody_should_look_at_is_said_first() -> None:
    assert sample_reports.busy().attention == [
        "shop-dev-group: 2 instances off its image",
        "shop-staging-group: its image ami-00000000000000002 is Revoked 2026-11-18T08:00:00Z by alice: "
        "CVE-2026-1234 in openssl",
    ]
    assert sample_reports.single().attention == []


def test_of_too_many_images_the_table_has_those_in_use_and_the_newest() -> None:
    report = sample_reports.many(MOST_IMAGES + 50)

    shown = [image.ami.ami_id for image in report.shown_images]

    assert len(shown) == MOST_IMAGES
    assert shown[0] == report.images[0].ami.ami_id
    assert next(image.ami.ami_id for image in report.images if image.users.groups) in shown
    assert f"{MOST_IMAGES} of {MOST_IMAGES + 50}" in report.page()


@pytest.fixture
def file(account: Account, endpoint_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a report about the account is to go."""
    assert account.image_id
    ask_only(endpoint_url, monkeypatch)
    return tmp_path / "report.html"


def own_image(account: Account) -> str:
    """The id of an image of ours, built on the account's first one."""
    instance = account.ec2.run_instances(ImageId=account.image_id, MinCount=1, MaxCount=1)["Instances"][0]
    ami_id = account.ec2.create_image(InstanceId=instance["InstanceId"], Name="web-1")["ImageId"]
    account.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    tags = {"Built-By": "packer", "SourceAmi": account.image_id, "GitCommit": "4e5f6a7b8c9d"}
    account.ec2.create_tags(
        Resources=[ami_id], Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    )
    return str(ami_id)


def test_groups_images_and_rollouts_of_the_account_are_told(
    account: Account, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ami_id = own_image(account)
    account.create_group("web", Tags=TAGS)
    account.start_refresh(account.add_version(ami_id))
    account.wait_for_status("Successful")

    assert main(["report", "--project", "shop", "--html", str(file), "--json"]) == Exit.DONE

    told = json.loads(capsys.readouterr().out)
    assert (told["project"], told["region"], told["attention"]) == ("shop", REGION, [])
    (group,), (image,) = told["groups"], told["images"]
    assert (group["image"]["ami_id"], group["on_target"]) == (ami_id, 2)
    assert [(one["status"], one["ami_id"]) for one in group["rollouts"]] == [("Successful", ami_id)]
    assert image["runs_in"]["groups"] == {"web": 2}
    page = file.read_text()
    assert all(text in page for text in ("web-1", ami_id, "4e5f6a7", "runs in web: 2", "Successful"))


def test_an_earlier_report_is_replaced_wholly_and_readable_by_others(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert main(["report", "--project", "shop", "--html", str(file)]) == Exit.DONE

        assert capsys.readouterr().out == f"{file}: 0 images, 0 groups of shop\n"

    assert list(file.parent.iterdir()) == [file]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~mask


def test_no_other_file_is_replaced(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("my diary")

    assert main(["report", "--project", "shop", "--html", str(file)]) == Exit.FAILED

    assert file.read_text() == "my diary"
    assert "exists and is no report" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "reason"), [("nowhere/report.html", "nowhere is no folder"), (".", "no file")]
)
def test_a_place_that_takes_no_file_is_one_line(
    file: Path, path: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--project", "shop", "--html", str(file.parent / path)]) == Exit.FAILED

    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


def test_a_report_to_nowhere_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--project", "shop"]) == Exit.USAGE

    assert "--html FILE, --json or both were expected" in capsys.readouterr().err


def test_of_each_image_it_is_told_when_its_checks_passed_and_why_it_is_kept() -> None:
    ami = sample_reports.ami_of(1, hours=3, Verified="2026-11-23T12:00:00Z")
    kept = replace(
        sample_reports.listed_of(ami), kept_because=("runs in web: 2", "pinned in Pulumi.prod.yaml")
    )

    page = replace(sample_reports.single(), images=[kept]).page()

    assert "its checks passed 2 h ago" in page
    assert "kept: pinned in Pulumi.prod.yaml" in page
    assert "kept: runs in" not in page
