"""`prune` while a rollout runs, against Auto Scaling with instance refreshes: health is scripted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_builder.__main__ import main
from image_builder.commands.common import Exit
from local_aws.auto_scaling.refresh_actions import FAILURE_SECONDS_VARIABLE
from tests.local_aws.auto_scaling.conftest import (
    Account,
    ScriptedLoadBalancing,
    account,
    ask_only,
    endpoint_url,
)

__all__ = ["account", "endpoint_url"]
OURS = {"Built-By": "packer", "ImageFamily": "web", "BuiltAt": "2026-01-01T00:00:00Z"}


@pytest.fixture(autouse=True)
def _environment(
    account: Account, endpoint_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account.image_id
    ask_only(endpoint_url, monkeypatch)
    monkeypatch.setenv(FAILURE_SECONDS_VARIABLE, "600")
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nconfig:\n  imageFamily: web\n")
    monkeypatch.chdir(tmp_path)


def own_image(account: Account, name: str, **tags: str) -> str:
    """The id of an image of ours."""
    ami_id: str = account.ec2.register_image(Name=name, RootDeviceName="/dev/sda1")["ImageId"]
    account.ec2.create_tags(
        Resources=[ami_id], Tags=[{"Key": key, "Value": value} for key, value in {**OURS, **tags}.items()]
    )
    return ami_id


def test_what_a_group_is_being_rolled_out_to_stays_and_the_rest_goes(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    own_image(account, "web-newest", BuiltAt="2026-02-01T00:00:00Z")
    going, rolling = own_image(account, "web-1"), own_image(account, "web-2")
    account.create_group()
    version = account.add_version(rolling)
    account.add_version(account.image_id)
    # Its instances never get healthy, so that the refresh is under way as long as nobody ends it.
    ScriptedLoadBalancing.bad_versions.add(version)
    account.start_refresh(version)

    assert main(["prune", "--yes", "--json"]) == Exit.DONE

    told = json.loads(capsys.readouterr().out)
    kept = {image["ami_id"]: image["kept_because"] for image in told["images"]}
    assert "being rolled out in web" in kept[rolling]
    assert [step["id"] for step in told["steps"]] == [going]
