"""What a Pulumi program sees of an image: PackerImage and its arguments."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from image_builder.errors import ImageBuildError
from image_builder.fingerprint import canonical, digest_files, fingerprint_of
from image_builder.provider import PackerImageProvider

_OUTPUTS = (
    "ami_id",
    "ami_name",
    "git_commit",
    "git_dirty",
    "source_ami_id",
    "packer_version",
    "built_at",
    "origin",
)


class ArgumentError(ImageBuildError, pulumi.RunError):
    """An argument cannot be used; Pulumi shows a RunError's message without a traceback."""


@dataclass(frozen=True, kw_only=True)
class PackerImageArgs:
    """What an image is made of, and where it is needed."""

    folder: str
    """The image folder: a Packer template (*.pkr.hcl) and every file it uses."""
    family: str
    """What the image is, for people and for reuse; AMIs are named FAMILY-FINGERPRINT12."""
    region: pulumi.Input[str]
    """The AWS region that it is built and looked for in."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Values for variables that the template declares; plain ones, they are part of the fingerprint."""
    pinned_ami: pulumi.Input[str] | None = None
    """The AMI to use, whatever the folder holds; it must be of this family and built by Packer."""
    owners: Sequence[str] = ("self",)
    """Whose AMIs may be used: `self`, and accounts that share theirs with this one."""
    promote_from: str | None = None
    """The stack whose image to use, the one that succeeded there last, whatever the folder holds."""
    require_verified_in: str | None = None
    """The stack where an image must have succeeded before it is used here: it is then never built here."""
    allow_unverified_pin: bool = False
    """Whether `pinned_ami` need not have succeeded there, nor passed its checks: for an emergency."""
    kms_key: str | None = None
    """What a new image is encrypted with, where the template takes `kms_key_id`."""
    vpc_id: pulumi.Input[str] | None = None
    """The VPC that it is built and verified in, where the template takes `vpc_id`; no part of the image."""
    subnet_id: pulumi.Input[str] | None = None
    """The subnet of that VPC, where the template takes `subnet_id`."""
    associate_public_ip_address: pulumi.Input[bool] | None = None
    """Whether the machine that it is built on gets a public address, where the template takes that variable;
    when left out, the subnet decides.
    """
    build_timeout_minutes: pulumi.Input[int] = 60
    """How long a build, or a verification, may take before it is stopped and cleaned up."""
    verify: pulumi.Input[bool] = True
    """Whether a new image is booted once and checked (`verify/` in the folder) before it counts."""


class PackerImage(Resource, module="image_builder", name="PackerImage"):
    """A machine image: reused if one of this fingerprint exists in the account and region, else built."""

    ami_id: pulumi.Output[str]
    """The AMI; not known in preview while the image is to be another one."""
    ami_name: pulumi.Output[str]
    region: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    """That of the AMI; for a pinned or promoted one not that of the folder."""
    git_commit: pulumi.Output[str]
    """The commit it was built from; empty outside a repository."""
    git_dirty: pulumi.Output[bool]
    """Whether the image folder had uncommitted changes."""
    source_ami_id: pulumi.Output[str]
    packer_version: pulumi.Output[str]
    built_at: pulumi.Output[str]
    origin: pulumi.Output[str]
    """`built`, `reused`, `pinned` or `promoted`"""

    def __init__(self, name: str, args: PackerImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        _refuse_what_is_not_plain(args)
        variables = canonical(args.variables)
        is_pinned = isinstance(args.pinned_ami, str) and bool(args.pinned_ami)
        is_chosen = is_pinned or bool(args.promote_from)
        digests = {} if is_chosen else _digests(args.folder)
        props: dict[str, Any] = {
            **dict.fromkeys(_OUTPUTS),
            "folder": relative_folder(args.folder),
            "family": args.family,
            "region": args.region,
            "variables": variables,
            "pinned_ami": args.pinned_ami or None,
            "owners": None if list(args.owners) == ["self"] else list(args.owners),
            "promote_from": args.promote_from,
            "require_verified_in": args.require_verified_in,
            "allow_unverified_pin": args.allow_unverified_pin or None,
            "kms_key": args.kms_key,
            "vpc_id": args.vpc_id,
            "subnet_id": args.subnet_id,
            "associate_public_ip_address": args.associate_public_ip_address,
            "build_timeout_minutes": args.build_timeout_minutes,
            "verify": args.verify,
            "fingerprint": fingerprint_of(digests, variables, args.family) if digests else None,
            "file_digests": digests or None,
        }
        super().__init__(PackerImageProvider(), name, props, opts)


def relative_folder(folder: str) -> str:
    """*folder* from where the program runs: states are shared, machines' paths are not."""
    return Path(os.path.relpath(folder)).as_posix()


def _digests(folder: str) -> dict[str, str]:
    try:
        return digest_files(Path(folder))
    except ImageBuildError:
        # The provider's check says what is wrong, together with all else that is.
        return {}


def _refuse_what_is_not_plain(args: PackerImageArgs) -> None:
    for name in ("folder", "family"):
        if not isinstance(getattr(args, name), str):
            raise ArgumentError(
                f"PackerImageArgs.{name} is {_told(getattr(args, name))} · a string was expected"
            )
    if not args.folder:
        raise ArgumentError("PackerImageArgs.folder is empty · the folder of a Packer template was expected")
    for name, value in args.variables.items():
        if _has_output(value):
            raise ArgumentError(
                f"PackerImageArgs.variables[{name!r}] is a Pulumi output or secret · a plain value "
                "was expected, it is part of the fingerprint and stored in the state · pass a "
                f"secret through the environment, as PKR_VAR_{name}"
            )
        if value is None:
            raise ArgumentError(
                f"PackerImageArgs.variables[{name!r}] is None · leave it out to use the default"
            )
        if not _is_plain(value):
            raise ArgumentError(
                f"PackerImageArgs.variables[{name!r}] is {_told(value)} · text, a number, true or false, or "
                "a list or map of such was expected · convert it, for example with str() or sorted()"
            )


def _told(value: Any) -> str:
    return "a Pulumi output or secret" if isinstance(value, pulumi.Output) else repr(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)


def _has_output(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_output(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_has_output(item) for item in value)
    return isinstance(value, pulumi.Output)
