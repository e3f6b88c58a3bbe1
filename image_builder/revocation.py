"""What the tags say of an image that must not be used, or not from some moment on.

`Rejected` was never fit for use. `Revoked` was: since or from when it is not, by whose word, and why, as in
`2026-11-23T10:00:00Z by alice: CVE-2026-1234 in openssl`. An image that is built on a revoked one has a
value of its own, `… by alice: because its base ami-… is: CVE-…`, which goes with its cause. Whatever else
somebody writes by hand counts as revoked already, by somebody unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from image_builder.errors import RevocationError

TAG_REVOKED = "Revoked"
TAG_REJECTED = "Rejected"
"""Whatever its value, which is the reason."""

MOST_CHARACTERS = 256
"""EC2 user guide, "Tag your Amazon EC2 resources", tag restrictions: the maximum of a value. EC2 itself takes
any character in it, so a reason stays as it was given."""

_VALUE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) by (\S[^:]*): (.+)", re.DOTALL)
_INHERITED = re.compile(r"because its base (ami-[0-9a-f]+) is: (.+)", re.DOTALL)
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
    """The base that was revoked, where the image itself was not."""

    def holds(self, now: datetime) -> bool:
        """Whether the image must not be used at *now*."""
        return self.at is None or self.at <= now

    def because_of(self, base_id: str) -> Revocation:
        """That of an image which is built on *base_id*, whose revocation this is."""
        return replace(self, cause=base_id)

    @property
    def value(self) -> str:
        """The tag's value; of words written by hand on a base as many as there is room for."""
        reason = f"because its base {self.cause} is: {self.reason}" if self.cause else self.reason
        value = f"{self.at:%Y-%m-%dT%H:%M:%SZ} by {self.by}: {reason}" if self.at else reason
        return value if len(value) <= MOST_CHARACTERS else f"{value[: MOST_CHARACTERS - 1]}…"

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
    if found := _INHERITED.fullmatch(reason):
        return Revocation(at=at, by=by, reason=found[2], cause=found[1])
    return Revocation(at=at, by=by, reason=reason)


def revocation_in(tags: Mapping[str, str]) -> Revocation | None:
    """That of an image with *tags*, be it of now or of a time to come."""
    return read_revocation(tags[TAG_REVOKED]) if TAG_REVOKED in tags else None


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
    """One that can be written down, on the image and on all that is built on it; else RevocationError."""
    made = Revocation(reason=" ".join(reason.split()), by=by, at=at.astimezone(UTC).replace(microsecond=0))
    if not made.reason:
        raise RevocationError("the reason is empty · a few words were expected · say why with --reason")
    shortest = replace(made, reason="x").because_of(f"ami-{'0' * 17}")
    most = MOST_CHARACTERS - len(shortest.value) + 1
    if len(made.reason) > most:
        raise RevocationError(
            f"the reason has {len(made.reason)} characters · {most} or less were expected, it shares a tag's "
            f"{MOST_CHARACTERS} with time, name and base · shorten it, or name a ticket that has the rest"
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
