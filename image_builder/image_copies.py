"""ImageCopies: an image where other stacks look for it. A failure here changes nothing of the image itself.

The import path of ImageCopiesProvider is in every state (Pulumi stores the class by reference): never rename
or move it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from botocore.exceptions import BotoCoreError, ClientError
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from image_builder.amis import Amis
from image_builder.ec2_client import reason_and_advice
from image_builder.errors import AmiError, ImageBuildError
from image_builder.inputs import is_known
from image_builder.regions import REGION
from image_builder.releasing.copies import Wanted, spread

_INPUTS = ("ami_id", "region", "copy_to_regions", "share_with_accounts", "kms_key", "timeout_minutes")
_ACCOUNT = re.compile(r"\d{12}")


class ImageCopiesProvider(ResourceProvider):
    """Copies and shares; what was done before is found, and not done again."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Regions and accounts that cannot be; said of a new resource, what will be done."""
        problems = _problems_with(news)
        if not problems and not _olds:
            _announce(news)
        return CheckResult(news, [CheckFailure(name, reason) for name, reason in problems])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Another image, place or account is an update; nothing is ever taken away."""
        has_changes = any((_olds.get(name) or None) != (_news.get(name) or None) for name in _INPUTS[:-1])
        if has_changes:
            _announce(_news)
        return DiffResult(changes=has_changes, replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """The copies, made and shared; raises AmiError, so that the next up goes on, where one is not."""
        return CreateResult(str(props["ami_id"]), {**props, "copies": _spread(props)})

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """The same for what changed."""
        return UpdateResult({**_news, "copies": _spread(_news)})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing is removed from AWS: others use the copies."""


@dataclass(frozen=True, kw_only=True)
class ImageCopiesArgs:
    """Which image, and where it is to be."""

    ami_id: pulumi.Input[str]
    region: str
    """Where it is."""
    copy_to_regions: Sequence[str] = ()
    share_with_accounts: Sequence[str] = ()
    kms_key: str = ""
    """What copies are encrypted with: an alias that each region has; if empty, the region's own key."""
    timeout_minutes: int = 60


class ImageCopies(Resource, module="image_builder", name="ImageCopies"):
    """Copies of an image in other regions, and accounts that may use it; `copies` is the AMI by region."""

    copies: pulumi.Output[Mapping[str, str]]

    def __init__(self, name: str, args: ImageCopiesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(ImageCopiesProvider(), name, {**vars(args), "copies": None}, opts)


def _problems_with(props: Mapping[str, Any]) -> list[tuple[str, str]]:
    problems = []
    for name, pattern, expected in (
        ("copy_to_regions", REGION, "regions such as eu-west-1 were expected"),
        ("share_with_accounts", _ACCOUNT, "accounts of 12 digits were expected"),
    ):
        bad = [one for one in props.get(name) or [] if is_known(one) and not pattern.fullmatch(str(one))]
        if bad:
            problems.append((name, f"{', '.join(map(repr, bad))} · {expected}"))
    if props.get("region") in (props.get("copy_to_regions") or []):
        region = props["region"]
        problems.append(("copy_to_regions", f"{region} is where the image is · other regions were expected"))
    return problems


def _wanted(props: Mapping[str, Any]) -> Wanted:
    return Wanted(
        region=str(props["region"]),
        copy_to_regions=tuple(props.get("copy_to_regions") or ()),
        share_with_accounts=tuple(props.get("share_with_accounts") or ()),
        kms_key=str(props.get("kms_key") or ""),
    )


def _announce(props: Mapping[str, Any]) -> None:
    image = props.get("ami_id")
    told = str(image) if is_known(image) and image else "the new image"
    wanted = _wanted(props)
    if wanted.copy_to_regions:
        _say(f"{told} is to be in {', '.join(wanted.copy_to_regions)}")
    if wanted.share_with_accounts:
        _say(f"{told} is to be shared with {', '.join(wanted.share_with_accounts)}")


def _spread(props: Mapping[str, Any]) -> dict[str, str]:
    wanted, ami_id = _wanted(props), str(props["ami_id"])
    deadline = time.monotonic() + 60 * float(props.get("timeout_minutes") or 60)
    try:
        ami = Amis.watched(wanted.region, _say).get(ami_id)
        if ami is None:
            raise AmiError(f"{ami_id} does not exist in {wanted.region} · the image to copy was expected")
        return spread(ami, wanted, deadline=deadline, say=_say)
    except ImageBuildError as error:
        raise type(error)(f"image copies: {error}") from None
    except (BotoCoreError, ClientError) as error:
        raise AmiError(f"image copies: AWS could not be asked: {reason_and_advice(error)}") from None


def _say(line: str) -> None:
    print(f"image copies: {line}", flush=True)
