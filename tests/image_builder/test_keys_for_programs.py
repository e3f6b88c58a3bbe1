"""The keys of what --json prints: scripts read them, so that none changes unseen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from image_builder.building.packages import PackageChange, PackageChanges
from image_builder.checkout.git import LoggedCommit
from image_builder.inputs import inputs_from
from image_builder.registry.ancestry import Ancestor, Descendant
from image_builder.registry.inventory import plain
from image_builder.registry.snapshots import Snapshot
from image_builder.registry.usage import Instance
from image_builder.telling.comparison import Comparison
from image_builder.telling.details import Details
from image_builder.telling.differing import Difference, History
from image_builder.telling.explaining import Explanation
from tests.image_builder.sample_reports import BASES, DEBIAN, NOW, ami_of, listed_of, rollout, status_of

AMI = ami_of(1, hours=3)
COMPARISON = Comparison(files={"app/server.py": "changed"}, variables=["port"])
BASE = BASES[DEBIAN]

LISTED: dict[str, Any] = {
    "ami_id": "",
    "name": "",
    "family": "",
    "fingerprint": "",
    "state": "",
    "built_at": "",
    "age": "",
    "commit": "",
    "is_dirty": "",
    "base": {"ami_id": "", "name": "", "created_at": "", "age": ""},
    "verified_in": {},
    "refusal": "",
    "warning": "",
    "kept_because": [],
    "runs_in": {"groups": {}, "without_group": ""},
}
STATUS = {
    "group": "",
    "stack": "",
    "desired_capacity": "",
    "image": dict.fromkeys(
        [
            "ami_id",
            "name",
            "family",
            "fingerprint",
            "commit",
            "is_dirty",
            "built_at",
            "age",
            "refusal",
        ],
        "",
    ),
    "on_target": "",
    "off_target": {},
    "rollouts": [dict.fromkeys(["refresh_id", "status", "reason", "started_at", "ended_at", "ami_id"], "")],
}
CHANGES: dict[str, Any] = {"files": [{"path": "", "change": ""}], "variables": [""], "hindrance": ""}
DIFFERENCE: dict[str, Any] = {
    **{
        side: dict.fromkeys(["ami_id", "name", "commit", "is_dirty", "built_at", "base"], "")
        for side in ("old", "new")
    },
    "is_base_changed": "",
    **CHANGES,
    "packages": [dict.fromkeys(["name", "old", "new", "change"], "")],
    "packages_hindrance": "",
    "commits": [{"sha": "", "subject": ""}],
    "commits_only_in_old": [{"sha": "", "subject": ""}],
    "commits_hindrance": "",
}
SHOWN: dict[str, Any] = {
    **LISTED,
    "owner_id": "",
    "architecture": "",
    "state_reason": "",
    "tags": {"BuiltAt": "", "GitCommit": "", "ImageFamily": ""},
    "snapshots": [
        {"snapshot_id": "", "state": "", "gigabytes": "", "is_encrypted": "", "tags": {"Name": ""}}
    ],
    "files": {},
    "variables": {},
    "files_hindrance": "",
    "packages": {},
    "packages_hindrance": "",
    "ancestors": [dict.fromkeys(["ami_id", "is_visible", "name", "created_at"], "")],
    "descendants": [dict.fromkeys(["ami_id", "name", "built_on", "generation", "built_at", "refusal"], "")],
    "instances": [dict.fromkeys(["instance_id", "state", "group"], "")],
}
EXPLAINED: dict[str, Any] = {
    **dict.fromkeys(["outcome", "ami_id", "family", "fingerprint"], ""),
    "refused": [{"ami_id": "", "reason": ""}],
    "against": {**dict.fromkeys(["ami_id", "name", "commit", "built_at"], ""), **CHANGES},
}


def keys_of(told: Any) -> Any:
    """*told* without its values."""
    if isinstance(told, dict):
        return {key: keys_of(value) for key, value in told.items()}
    return [keys_of(value) for value in told] if isinstance(told, list) else ""


def status() -> Any:
    refreshes = [rollout(1, AMI.ami_id, "Successful", hours=1)]
    return status_of("web", "dev", [listed_of(AMI)], AMI.ami_id, refreshes).plain(NOW)


def difference() -> Any:
    commit = LoggedCommit(sha="4e5f6a7", subject="Serve faster")
    return Difference(
        old=AMI,
        new=AMI,
        bases={},
        comparison=COMPARISON,
        packages=PackageChanges(changes=[PackageChange(name="bash", old="5.1", new="5.2")]),
        history=History(only_in_new=[commit], only_in_old=[commit]),
    ).plain()


def shown() -> Any:
    snapshot = Snapshot(
        snapshot_id="snap-1", state="completed", gigabytes=8, is_encrypted=True, tags={"Name": "web"}
    )
    return Details(
        ami=AMI,
        ancestors=[Ancestor(ami_id=DEBIAN, ami=BASE)],
        descendants=[Descendant(ami=AMI, generation=1)],
        snapshots=[snapshot],
        instances=[Instance(instance_id="i-1", ami_id="ami-2", state="running", group="")],
    ).plain(NOW)


def explained() -> Any:
    inputs = inputs_from({"folder": Path("images/web"), "family": "web", "region": "us-east-1"})
    refused = [replace(AMI, state="failed")]
    return Explanation(inputs=inputs, ami=None, refused=refused, against=AMI, comparison=COMPARISON).plain()


@pytest.mark.parametrize(
    ("told", "keys"),
    [
        (plain(listed_of(AMI), NOW), LISTED),
        (status(), STATUS),
        (difference(), DIFFERENCE),
        (shown(), SHOWN),
        (explained(), EXPLAINED),
    ],
    ids=["list", "status", "diff", "show", "explain"],
)
def test_programs_are_told_under_these_keys(told: dict[str, Any], keys: dict[str, Any]) -> None:
    assert keys_of(told) == keys
