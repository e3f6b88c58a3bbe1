"""What the tags say of an image that must not be used, or not from some moment on.

`Rejected` was never fit for use. `Revoked` was: since or from when it is not, by whose word, and why, as in
`2026-11-23T10:00:00Z by alice: CVE-2026-1234 in openssl`. An image that is built on a revoked one has a
value of its own, `… by alice: because its base ami-… is: CVE-…`, which goes with its cause; so has a copy in
another region, `… because its original ami-… is: …`. Whatever else somebody writes by hand counts as revoked
already, by somebody unknown.

An image may be revoked for more than one of these reasons. `Revoked` is the one that holds first, by which
the image is judged; the others wait in `Revoked:2` and `Revoked:3`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from image_builder.errors import RevocationError
from image_builder.registry.numbered_tags import CHARACTERS_PER_TAG

TAG_REVOKED = "Revoked"
TAG_REJECTED = "Rejected"
"""Whatever its value, which is the reason."""

_VALUE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) by (\S[^:]*): (.+)", re.DOTALL)
_FOLLOWED = re.compile(r"because its (base|original) (ami-[0-9a-f]+) is: (.+)", re.DOTALL)
_TAG = re.compile(rf"{TAG_REVOKED}(:[2-9])?")
_SSO_ROLE = re.compile(r"AWSReservedSSO_(.+)_[0-9a-f]{16}")


@dataclass(frozen=True, kw_only=True)
class Revocation:
    """One image's, as its tag says."""

    reason: str
    by: str = ""
    """Empty for somebody unknown."""
    at: datetime | None = None
    """From when it holds; None when that is not told: it holds already."""
    cause: str = ""
    """The base or the original that was revoked, where the image itself was not."""
    relation: str = ""
    """What the cause is to the image: `base` or `original`; empty for a revocation of its own."""

    def holds(self, now: datetime) -> bool:
        """Whether the image must not be used at *now*."""
        return self.at is None or self.at <= now

    def because_of(self, base_id: str) -> Revocation:
        """That of an image which is built on *base_id*, whose revocation this is."""
        return replace(self, cause=base_id, relation="base")

    def of_copy(self, original_id: str) -> Revocation:
        """That of a copy of *original_id*, whose revocation this is."""
        return replace(self, cause=original_id, relation="original")

    @property
    def value(self) -> str:
        """The tag's value; of words written by hand on a cause as many as there is room for."""
        reason = f"because its {self.relation} {self.cause} is: {self.reason}" if self.cause else self.reason
        # Not strftime: its %Y has less than four digits in the first thousand years.
        since = self.at.replace(tzinfo=None).isoformat(timespec="seconds") if self.at else ""
        value = f"{since}Z by {self.by}: {reason}" if since else reason
        return value if len(value) <= CHARACTERS_PER_TAG else f"{value[: CHARACTERS_PER_TAG - 1]}…"

    @property
    def words(self) -> str:
        """`Revoked 2026-11-23T10:00:00Z by alice: CVE-2026-1234 in openssl`"""
        return f"{TAG_REVOKED} {self.value}" if self.at else f"{TAG_REVOKED}: {self.value}"


def read_revocation(value: str) -> Revocation:
    """What the tag's *value* says."""
    at, by, reason = None, "", value
    if found := _VALUE.fullmatch(value):
        try:
            at = datetime.fromisoformat(found[1])
        except ValueError:
            pass  # No such day: as any other words of somebody's.
        else:
            by, reason = found[2], found[3]
    if found := _FOLLOWED.fullmatch(reason):
        return Revocation(at=at, by=by, reason=found[3], cause=found[2], relation=found[1])
    return Revocation(at=at, by=by, reason=reason)


def revocation_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Those of *tags* that tell of a revocation."""
    return {key: value for key, value in tags.items() if _TAG.fullmatch(key)}


def revocations_in(tags: Mapping[str, str]) -> list[Revocation]:
    """Those of an image with *tags*, be they of now or of a time to come; the first that holds is first."""
    return _in_order(read_revocation(value) for _, value in sorted(revocation_tags(tags).items()))


def revocation_in(tags: Mapping[str, str]) -> Revocation | None:
    """The one of them that an image with *tags* is judged by."""
    return first_of(revocations_in(tags))


def first_of(revocations: Iterable[Revocation]) -> Revocation | None:
    """The one that holds first; of several from the same moment, the first."""
    return next(iter(_in_order(revocations)), None)


def tags_of(revocations: Iterable[Revocation]) -> dict[str, str]:
    """The tags of an image with *revocations*; of two that hold from the same moment, the first is first."""
    return {
        f"{TAG_REVOKED}:{number}" if number > 1 else TAG_REVOKED: revocation.value
        for number, revocation in enumerate(_in_order(revocations), start=1)
    }


def _in_order(revocations: Iterable[Revocation]) -> list[Revocation]:
    return sorted(revocations, key=lambda one: one.at or datetime.min.replace(tzinfo=UTC))


def refusal_of(tags: Mapping[str, str], now: datetime) -> str:
    """Why an image with *tags* must not be used at *now*; nothing when it may be."""
    revocation = revocation_in(tags)
    revoked = [revocation.words] if revocation and revocation.holds(now) else []
    rejected = [f"{TAG_REJECTED}: {tags[TAG_REJECTED]}"] if TAG_REJECTED in tags else []
    return "; ".join([*revoked, *rejected])


def warning_of(tags: Mapping[str, str], now: datetime) -> str:
    """From when an image with *tags* must not be used, and why; nothing where no such moment is to come."""
    revocation = revocation_in(tags)
    return f"to be {revocation.words}" if revocation and not revocation.holds(now) else ""


def new_revocation(*, reason: str, by: str, at: datetime) -> Revocation:
    """One that can be written down, on the image, its copies and all that is built on it.

    Raises RevocationError where there is no reason, or not enough room for it.
    """
    made = Revocation(reason=" ".join(reason.split()), by=by, at=at.astimezone(UTC).replace(microsecond=0))
    if not made.reason:
        raise RevocationError("the reason is empty · a few words were expected · say why with --reason")
    shortest = replace(made, reason="x").of_copy(f"ami-{'0' * 17}")
    most = CHARACTERS_PER_TAG - len(shortest.value) + 1
    if len(made.reason) > most:
        raise RevocationError(
            f"the reason has {len(made.reason)} characters · {most} or less were expected, it shares a tag's "
            f"{CHARACTERS_PER_TAG} with time, name and cause · shorten it, or name a ticket that has the rest"
        )
    return made


def short_name(arn: str) -> str:
    """Who the caller is with *arn*, for people: `alice`, `role/session`."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    if kind == "assumed-role":
        role, _, session = name.partition("/")
        if found := _SSO_ROLE.fullmatch(role):
            role = found[1]
        return f"{role}/{session}"
    return name.rpartition("/")[2] or kind
