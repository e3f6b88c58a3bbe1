"""What an image is made of, as the provider gets it; and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_builder.ami import AMI_ID
from image_builder.bases.base_image import read_lock
from image_builder.errors import ImageBuildError
from image_builder.fingerprint import canonical, digest_files, list_files
from image_builder.packer_template.given_variables import names_given
from image_builder.packer_template.template import problems_of, read_template, variable_problems
from image_builder.packer_template.verification_template import boot_problems
from image_builder.regions import REGION

NAMES = (
    "folder",
    "family",
    "region",
    "variables",
    "pinned_ami",
    "owners",
    "promote_from",
    "promoted_ami",
    "require_verified_in",
    "allow_unverified_pin",
    "kms_key",
    "vpc_id",
    "subnet_id",
    "associate_public_ip_address",
    "build_timeout_minutes",
    "verify",
    "fingerprint",
    "file_digests",
)
"""The inputs that are recorded; the working tree's are not while an image is pinned or promoted.

`promoted_ami` is found by the provider: the image that succeeded last in `promote_from`.
"""
OF_THE_WORKING_TREE = ("fingerprint", "file_digests")

# EC2 API reference, CreateImage: 3 to 128 letters, digits, ( ) [ ] space . / - ' @ _
# We append -FINGERPRINT12 and at times -99.
_FAMILY = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{1,110}")
_NETWORK_IDS = {
    name: re.compile(rf"{name.removesuffix('_id')}-[0-9a-f]{{8,17}}") for name in ("vpc_id", "subnet_id")
}
_MOST_MINUTES = 24 * 60


@dataclass(frozen=True, kw_only=True)
class ImageInputs:
    """The inputs of a PackerImage, all known."""

    folder: Path
    family: str
    region: str
    variables: Mapping[str, Any]
    pinned_ami: str
    owners: tuple[str, ...] = ("self",)
    promote_from: str = ""
    promoted_ami: str = ""
    require_verified_in: str = ""
    allow_unverified_pin: bool = False
    kms_key: str = ""
    vpc_id: str = ""
    subnet_id: str = ""
    associate_public_ip_address: bool | None = None
    build_timeout_minutes: float
    verify: bool
    fingerprint: str
    file_digests: Mapping[str, str]

    @property
    def ami_name(self) -> str:
        """The name of the AMI; unique in account and region, so two builds of it cannot both register."""
        return f"{self.family}-{self.fingerprint[:12]}"


def inputs_from(props: Mapping[str, Any]) -> ImageInputs:
    """The inputs in the resource's *props*, which hold its outputs too once it is made."""
    return ImageInputs(
        folder=Path(props["folder"]),
        family=props["family"],
        region=props["region"],
        variables=canonical(props.get("variables") or {}),
        pinned_ami=props.get("pinned_ami") or "",
        owners=tuple(props.get("owners") or ("self",)),
        promote_from=props.get("promote_from") or "",
        promoted_ami=props.get("promoted_ami") or "",
        require_verified_in=props.get("require_verified_in") or "",
        allow_unverified_pin=bool(props.get("allow_unverified_pin")),
        kms_key=props.get("kms_key") or "",
        vpc_id=props.get("vpc_id") or "",
        subnet_id=props.get("subnet_id") or "",
        associate_public_ip_address=props.get("associate_public_ip_address"),
        build_timeout_minutes=float(props.get("build_timeout_minutes") or 60),
        # Not among what was recorded before images were verified.
        verify=props.get("verify", True) is not False,
        fingerprint=props.get("fingerprint") or "",
        file_digests=props.get("file_digests") or {},
    )


def is_chosen(props: Mapping[str, Any]) -> bool:
    """Whether *props* name an AMI, or a stack whose AMI it is: the working tree then decides nothing."""
    return bool(props.get("pinned_ami") or props.get("promote_from"))


def is_known(value: Any) -> bool:
    """Whether *value* is known already: what other resources make is not, in a preview."""
    if isinstance(value, Mapping):
        return all(is_known(item) for item in value.values())
    # Here, so that those can use this module who need not be able to deploy.
    from pulumi.output import Unknown

    return not isinstance(value, Unknown)


def problems_with(props: Mapping[str, Any]) -> list[tuple[str, str]]:
    """All that is wrong with *props*, each with its property; what is not known yet is passed over."""
    known = {name: props.get(name) for name in NAMES if is_known(props.get(name))}
    problems: list[tuple[str, str]] = []
    family, region, pin = known.get("family"), known.get("region"), known.get("pinned_ami")
    if "family" in known and not _matches(_FAMILY, family):
        problems.append(
            (
                "family",
                f"{family!r} cannot begin an AMI's name · expected: 1 to 110 letters, digits or ()[] ./-'@_",
            )
        )
    if "region" in known and not _matches(REGION, region):
        problems.append(("region", f"{region!r} is no AWS region · one like us-east-1 was expected"))
    if pin and not _matches(AMI_ID, pin):
        problems.append(
            ("pinned_ami", f"{pin!r} is no AMI id · ami- and 17 (or 8) hexadecimal digits were expected")
        )
    minutes = known.get("build_timeout_minutes")
    if minutes is not None and not _is_a_timeout(minutes):
        problems.append(
            ("build_timeout_minutes", f"{minutes!r} · 1 to {_MOST_MINUTES} minutes were expected")
        )
    problems += _problems_with_network(known)
    if known.get("verify") not in (None, True, False):
        problems.append(("verify", f"{known['verify']!r} · true or false was expected"))
    # A pin is for emergencies too: a template that is broken just now must not stand in its way.
    if "folder" in known and {"pinned_ami", "promote_from"} <= {*known} and not is_chosen(known):
        problems += _problems_with_folder(known)
    return problems


def _problems_with_network(known: Mapping[str, Any]) -> list[tuple[str, str]]:
    problems = [
        (name, f"{known[name]!r} · one like {example} was expected")
        for name, example in (("vpc_id", "vpc-0123456789abcdef0"), ("subnet_id", "subnet-0123456789abcdef0"))
        if known.get(name) and not _matches(_NETWORK_IDS[name], known[name])
    ]
    if known.get("associate_public_ip_address") not in (None, True, False):
        wrong = known["associate_public_ip_address"]
        problems.append(("associate_public_ip_address", f"{wrong!r} · true or false was expected"))
    return problems


def _problems_with_folder(known: Mapping[str, Any]) -> list[tuple[str, str]]:
    folder = Path(str(known["folder"]))
    try:
        template = read_template(folder)
        read_lock(folder)
        list_files(folder)
        if not known.get("fingerprint", True):
            digest_files(folder)  # The program could not, and left it to us to say why.
            return [
                ("folder", f"{folder} could be read here but not by the program · run both in one folder")
            ]
    except ImageBuildError as error:
        return [("folder", str(error))]
    region = known.get("region")
    problems = [
        ("folder", f"{folder}: {problem}")
        for problem in problems_of(template, str(region) if region else None)
    ]
    if known.get("verify") in (None, True) and not problems:
        problems = [("verify", f"{folder}: {problem}") for problem in boot_problems(folder, region)]
    variables = known.get("variables") or {}
    wrong = variable_problems(template, variables, names_given(known))
    return problems + [("variables", problem) for problem in wrong.values()]


def _is_a_timeout(minutes: Any) -> bool:
    return isinstance(minutes, int | float) and minutes is not True and 1 <= minutes <= _MOST_MINUTES


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
