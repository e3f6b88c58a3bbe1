"""Reports of plain values: no image, one, a project in full use, many images, and hostile tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from image_builder.ami import Ami, iso
from image_builder.registry.groups import Group, GroupStatus, Refresh
from image_builder.registry.inventory import Listed
from image_builder.registry.launching import Launching
from image_builder.registry.usage import NOBODY, Instance, Users
from image_builder.telling.report import Report

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
DEBIAN, NEWER_DEBIAN = "ami-0000000000000d001", "ami-0000000000000d002"


def ami_of(number: int, *, hours: float, base: str = DEBIAN, family: str = "web-app", **tags: str) -> Ami:
    """An image of ours that was built *hours* ago."""
    built_at = iso(NOW - timedelta(hours=hours))
    fingerprint = f"{number * 0x9E3779B97F4A7C15 % 16**12:012x}"
    return Ami(
        ami_id=f"ami-{number:017x}",
        name=f"{family}-{fingerprint}",
        owner_id="123456789012",
        state="available",
        state_reason="",
        architecture="x86_64",
        created_at=built_at,
        source_ami_id=base,
        tags={"BuiltAt": built_at, "GitCommit": fingerprint * 3, "ImageFamily": family, **tags},
        snapshot_ids=(),
    )


def base_of_debian(ami_id: str, name: str, *, days: float) -> Ami:
    """A base image that is none of ours."""
    made_at = iso(NOW - timedelta(days=days))
    ami = ami_of(0, hours=0, base="")
    return Ami(**{**vars(ami), "ami_id": ami_id, "name": name, "created_at": made_at, "tags": {}})


BASES = {
    DEBIAN: base_of_debian(DEBIAN, "debian-12-amd64-20260910-2230", days=74),
    NEWER_DEBIAN: base_of_debian(NEWER_DEBIAN, "debian-12-amd64-20261112-2290", days=11),
}


def listed_of(ami: Ami, **groups: int) -> Listed:
    """*ami*, run by *groups*."""
    base = BASES.get(ami.source_ami_id)
    return Listed(ami=ami, base=base, users=Users(groups=groups) if groups else NOBODY)


def rollout(
    number: int, ami_id: str, status: str, *, hours: float, minutes: float = 6, reason: str = ""
) -> Refresh:
    """A rollout that began *hours* ago; with no *minutes* it runs."""
    started = NOW - timedelta(hours=hours)
    return Refresh(
        refresh_id=f"{number:08x}-0000-4000-8000-000000000000",
        status=status,
        reason=reason,
        started_at=iso(started),
        ended_at=iso(started + timedelta(minutes=minutes)) if minutes else "",
        ami_id=ami_id,
    )


def status_of(
    name: str,
    stack: str,
    images: Sequence[Listed],
    target: str,
    refreshes: Sequence[Refresh] = (),
    instances: Mapping[str, int] | None = None,
) -> GroupStatus:
    """A group whose *instances* are counted by AMI."""
    own = [
        Instance(instance_id=f"i-{name}-{ami_id}-{number}", ami_id=ami_id, state="running", group=name)
        for ami_id, count in (instances or {}).items()
        for number in range(count)
    ]
    return GroupStatus(
        group=Group(
            name=name,
            stack=stack,
            desired_capacity=len(own),
            launching=Launching(),
            instance_ids=frozenset(one.instance_id for one in own),
        ),
        target_ami_id=target,
        amis={image.ami.ami_id: image.ami for image in images},
        instances=own,
        refreshes=refreshes,
    )


def report_of(groups: Sequence[GroupStatus], images: Sequence[Listed], project: str = "shop") -> Report:
    """A report as of NOW."""
    return Report(project=project, region="eu-west-1", made_at=NOW, groups=groups, images=images)


def empty() -> Report:
    """Nothing is there."""
    return report_of([], [])


def single() -> Report:
    """One image, and one group that runs it."""
    ami = ami_of(1, hours=2)
    images = [listed_of(ami, **{"shop-dev-group": 2})]
    history = [rollout(1, ami.ami_id, "Successful", hours=1.5)]
    return report_of(
        [status_of("shop-dev-group", "dev", images, ami.ami_id, history, {ami.ami_id: 2})], images
    )


def busy() -> Report:
    """Three environments, two families, bases and images built on images, good and bad rollouts."""
    hardened = ami_of(10, hours=300, family="hardened")
    newer_hardened = ami_of(11, hours=90, family="hardened", base=NEWER_DEBIAN)
    on_hardened = ami_of(1, hours=200, base=hardened.ami_id, **{"VerifiedIn:dev": "2026-11-15T10:00:00Z"})
    revoked = ami_of(
        2, hours=150, base=hardened.ami_id, Revoked="2026-11-18T08:00:00Z by alice: CVE-2026-1234 in openssl"
    )
    good = ami_of(
        3,
        hours=80,
        base=newer_hardened.ami_id,
        **{"VerifiedIn:dev": "2026-11-20T08:00:00Z", "VerifiedIn:prod": "2026-11-20T16:00:00Z"},
    )
    bad = ami_of(4, hours=30, base=newer_hardened.ami_id, GitDirty="true")
    rejected = ami_of(
        5, hours=20, base=newer_hardened.ami_id, Rejected="test_service_answers: connection refused"
    )
    newest = ami_of(6, hours=3, base=newer_hardened.ami_id)
    orphan = ami_of(7, hours=700, base="ami-0000000000000dead", family="worker")
    images = [
        listed_of(newest, **{"shop-dev-group": 2}),
        listed_of(rejected),
        listed_of(bad),
        listed_of(good, **{"shop-dev-group": 1, "shop-prod-group": 6}),
        listed_of(newer_hardened),
        listed_of(revoked, **{"shop-staging-group": 2}),
        listed_of(on_hardened),
        listed_of(hardened),
        listed_of(orphan),
    ]
    reason = (
        "An automatic rollback was initiated because the instance refresh failed. No progress for 83 s. "
        "i-0bca313109fe066f4 became unhealthy: unhealthy (Target.FailedHealthChecks: Health checks failed)"
    )
    dev = [
        rollout(
            9,
            newest.ami_id,
            "InProgress",
            hours=0.1,
            minutes=0,
            reason="Waiting for remaining instances to be available.",
        ),
        rollout(8, bad.ami_id, "RollbackSuccessful", hours=28, minutes=11, reason=reason),
        rollout(7, good.ami_id, "Successful", hours=78),
        rollout(6, revoked.ami_id, "Successful", hours=149),
    ]
    staging = [
        rollout(5, revoked.ami_id, "Successful", hours=140, minutes=8),
        rollout(4, on_hardened.ami_id, "Cancelled", hours=190, minutes=2),
    ]
    prod = [
        rollout(3, good.ami_id, "Successful", hours=70, minutes=24),
        rollout(2, on_hardened.ami_id, "Successful", hours=180, minutes=22),
    ]
    groups = [
        status_of("shop-dev-group", "dev", images, good.ami_id, dev, {good.ami_id: 1, newest.ami_id: 2}),
        status_of("shop-prod-group", "prod", images, good.ami_id, prod, {good.ami_id: 6}),
        status_of("shop-staging-group", "staging", images, revoked.ami_id, staging, {revoked.ami_id: 2}),
    ]
    ours = {image.ami.ami_id: image.ami for image in images}
    return report_of(
        groups, [replace(one, base=one.base or ours.get(one.ami.source_ami_id)) for one in images]
    )


def many(count: int = 200) -> Report:
    """As many images, one of the old ones in use."""
    amis = [
        ami_of(number, hours=number * 5 + 1, base=DEBIAN if number % 3 else NEWER_DEBIAN)
        for number in range(1, count + 1)
    ]
    used = amis[-3]
    images = [listed_of(ami, **({"shop-prod-group": 3} if ami is used else {})) for ami in amis]
    groups = [status_of("shop-prod-group", "prod", images, used.ami_id, [], {used.ami_id: 3})]
    return report_of(groups, images)


HOSTILE = '"><script>document.title = "owned"</script><img src=x onerror=alert(1)>'


def hostile() -> Report:
    """Whatever somebody else can write is a script."""
    ami = ami_of(
        1, hours=2, base=HOSTILE, **{"GitCommit": HOSTILE, "Revoked": HOSTILE, f"VerifiedIn:{HOSTILE}": "now"}
    )
    ami = Ami(**{**vars(ami), "name": HOSTILE, "tags": {**ami.tags, "SourceAmi": HOSTILE}})
    images = [listed_of(ami, **{HOSTILE: 1})]
    history = [rollout(1, ami.ami_id, "Failed", hours=1, reason=HOSTILE)]
    return report_of(
        [status_of(HOSTILE, HOSTILE, images, ami.ami_id, history, {ami.ami_id: 1, HOSTILE: 1})],
        images,
        project=HOSTILE,
    )
