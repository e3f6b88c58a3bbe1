"""What every resource type of the stand-in has in common."""

from __future__ import annotations

import functools
import os
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

Values = dict[str, Any]
T = TypeVar("T")

DELETE_TIMEOUT_SECONDS = 300.0
RETRY_DELAY_SECONDS = 0.5


MADE_UP = "__defaults"
"""The input that lists those which Check filled in; pulumi-terraform-bridge calls it so, too."""
RANDOM_CHARACTERS = 7
"""Of a name that is made up, after a hyphen (pulumi-terraform-bridge, AutoName)."""


class Gone(Exception):  # noqa: N818 - not an error: an answer
    """The resource does not exist any more."""


class NameTooLong(Exception):  # noqa: N818 - not an error: a refusal
    """A name that is to be made up would be longer than AWS allows."""


@dataclass(frozen=True, kw_only=True)
class Clients:
    """boto3 clients of one region."""

    region: str

    def __call__(self, service: str) -> Any:
        """The client of *service*; credentials and AWS_ENDPOINT_URL come from the environment."""
        return make_client(self.region, service)


@functools.cache
def make_client(region: str, service: str) -> Any:
    """One client of *service*, shared by all threads: boto3 takes a third of a second to make one."""
    # terraform-provider-aws, argument max_retries: "If omitted, the default value is 25".
    config = Config(
        retries={"mode": "adaptive", "max_attempts": 25},
        connect_timeout=5,
        read_timeout=60,
        proxies={},  # none, whatever the environment says: the endpoint is this computer
    )
    session: Any = boto3.Session(region_name=region)
    # Given here, it wins over AWS_ENDPOINT_URL_EC2 and its like and AWS_IGNORE_CONFIGURED_ENDPOINT_URLS.
    return session.client(service, config=config, endpoint_url=os.environ["AWS_ENDPOINT_URL"])


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A resource as AWS describes it: inputs in the program's own terms, and what only AWS knows."""

    inputs: Values
    computed: Values


class ResourceType(ABC):
    """One type of resource. Subclasses say what AWS calls make it, show it, change it and take it away."""

    token: ClassVar[str]
    arguments: ClassVar[str]
    served: ClassVar[frozenset[str]]
    """The declared properties that the stand-in acts on; another one that is set is refused."""
    forces_replacement: ClassVar[frozenset[str]] = frozenset()
    """Properties that the upstream provider cannot change in place (ForceNew in its schema)."""
    name_length: ClassVar[int | None] = None
    """The greatest length of `name`, made up when none is given; None where there is none."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    computed_names: ClassVar[frozenset[str]] = frozenset()
    """Outputs that are unknown until the resource exists."""
    cleared_names: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are none when they are not given; a value that others gave them is drift."""

    @abstractmethod
    def create(self, aws: Clients, inputs: Values) -> str:
        """Make it and return its id, with the one call after which it exists."""

    def complete(self, aws: Clients, resource_id: str, inputs: Values) -> None:  # noqa: B027
        """Make what takes more calls; may be called again after a failure."""

    @abstractmethod
    def read(self, aws: Clients, resource_id: str, inputs: Values) -> Observed:
        """Describe it; raises Gone."""

    def update(self, aws: Clients, resource_id: str, inputs: Values, changed: frozenset[str]) -> None:
        """Bring the *changed* properties to what *inputs* says."""
        raise NotImplementedError(f"{self.token} {resource_id}: {sorted(changed)} cannot be changed in place")

    @abstractmethod
    def delete(self, aws: Clients, resource_id: str, state: Values) -> None:
        """Take it away; returns when it is gone, and when it was gone before."""

    def find_replacing(self, changed: frozenset[str], olds: Values, news: Values) -> frozenset[str]:  # noqa: ARG002
        """Those of *changed* that replace it."""
        return changed & self.forces_replacement

    def names_unknown_after(self, changed: frozenset[str]) -> frozenset[str]:  # noqa: ARG002
        """The outputs that an update of *changed* will move."""
        return frozenset()

    def with_defaults(self, inputs: Values, old_inputs: Values, urn_name: str) -> Values:
        """*inputs* with defaults and, where a name is needed and none given, the one that was made up before
        or a new one; raises NameTooLong.
        """
        filled = {key: value for key, value in self.defaults.items() if key not in inputs}
        if self.name_length is not None and inputs.get("name") is None:
            # Inputs without the list were kept by a stand-in that made none.
            was_made_up = "name" in old_inputs.get(MADE_UP, ["name"])
            old = old_inputs.get("name") if was_made_up else None
            filled["name"] = old or make_name_up(urn_name, self.name_length)
        return {**inputs, **filled, MADE_UP: sorted(filled)}


def make_name_up(urn_name: str, longest: int) -> str:
    """A name that no other resource has; raises NameTooLong in the engine's words (NewUniqueName)."""
    prefix = f"{urn_name}-"
    if len(prefix) + RANDOM_CHARACTERS > longest:
        raise NameTooLong(
            f"name '{prefix}' plus {RANDOM_CHARACTERS} random chars is longer than maximum length {longest}"
        )
    return prefix + secrets.token_hex(RANDOM_CHARACTERS)[:RANDOM_CHARACTERS]


def error_code(error: ClientError) -> str:
    """AWS's code of *error*."""
    return str(error.response.get("Error", {}).get("Code", ""))


def absent(call: Callable[[], T], *codes: str) -> T:
    """What *call* returns; raises Gone when AWS answers with one of *codes*."""
    try:
        return call()
    except ClientError as error:
        if error_code(error) in codes:
            raise Gone(str(error)) from error
        raise


def retry_while(call: Callable[[], object], codes: Iterable[str]) -> None:
    """Call until AWS no longer answers with one of *codes*, as a resource in use does, for a bounded time."""
    refused = set(codes)
    deadline = time.monotonic() + DELETE_TIMEOUT_SECONDS
    while True:
        try:
            call()
        except ClientError as error:
            if error_code(error) not in refused or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_DELAY_SECONDS)
        else:
            return


def tag_list(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    """Tags as most AWS calls take them."""
    return [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]


def tag_dict(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Tags as a Pulumi program gives them, without AWS's own."""
    return {tag["Key"]: tag["Value"] for tag in tags or () if not tag["Key"].startswith("aws:")}


def tag_specification(kind: str, tags: Mapping[str, str] | None) -> list[dict[str, Any]]:
    """TagSpecifications of an EC2 call; empty without tags."""
    return [{"ResourceType": kind, "Tags": tag_list(tags)}] if tags else []


def change_tags(
    old: Mapping[str, str],
    new: Mapping[str, str] | None,
    *,
    remove: Callable[[list[str]], object],
    add: Callable[[list[dict[str, str]]], object],
) -> None:
    """Make *old* tags the *new* ones: AWS has a call that takes keys away and one that sets values."""
    wanted = new or {}
    gone = [key for key in old if key not in wanted]
    if gone:
        remove(gone)
    if wanted:
        add(tag_list(wanted))


def retag(ec2: Any, resource_id: str, tags: Mapping[str, str] | None) -> None:
    """Make *tags* the tags of an EC2 resource."""
    change_tags(
        tag_dict(ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource_id]}])["Tags"]),
        tags,
        remove=lambda keys: ec2.delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in keys]),
        add=lambda added: ec2.create_tags(Resources=[resource_id], Tags=added),
    )


def pascal(value: Any) -> Any:
    """Property names as AWS spells them: httpTokens is HttpTokens; None values are left out."""
    if isinstance(value, Mapping):
        return {key[0].upper() + key[1:]: pascal(item) for key, item in value.items() if item is not None}
    return [pascal(item) for item in value] if isinstance(value, list) else value


def camel(value: Any) -> Any:
    """The opposite of pascal."""
    if isinstance(value, Mapping):
        return {key[0].lower() + key[1:]: camel(item) for key, item in value.items()}
    return [camel(item) for item in value] if isinstance(value, list) else value
