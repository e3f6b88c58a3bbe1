"""The one place where clients of AWS are made, and where what AWS says in an error is put into words."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader

from image_builder.errors import ImageBuildError

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_ec2 import EC2Client

# boto3 waits 0 to 1, 2, 4, 8, 16 and then 20 s between attempts ("Retries", standard mode): 10 attempts last
# 55 s on average, which does not outlast an outage of a minute; 18 last more than two.
_ATTEMPTS, _ATTEMPTS_FOR_PREVIEW = 18, 2
_ADVICE = {
    # EC2 API reference, "Error codes for the Amazon EC2 API".
    "TagLimitExceeded": "a resource has up to 50 tags: remove some of the template's own, or of the AMI's",
    "RequestLimitExceeded": "AWS throttles this account: run it again",
    "InternalError": "it is AWS's own: run it again",
    "ServiceUnavailable": "it is AWS's own: run it again",
    "Unavailable": "it is AWS's own: run it again",
}
_EXPIRED = frozenset({"RequestExpired", "ExpiredToken", "ExpiredTokenException"})


def make_client(region: str | None, *, profile: str | None = None, is_preview: bool = False) -> EC2Client:
    """An EC2 client that waits out throttling; endpoint and credentials are the environment's."""
    session, region = _session(region, profile)
    return session.client("ec2", region_name=region, config=_config(is_preview=is_preview))


def make_kms_client(region: str, *, profile: str | None = None) -> Any:
    """The same for KMS."""
    session, region = _session(region, profile)
    make: Any = session.client
    return make("kms", region_name=region, config=_config())


def make_auto_scaling_client(region: str | None, *, profile: str | None = None) -> AutoScalingClient:
    """The same for Auto Scaling."""
    session, region = _session(region, profile)
    return session.client("autoscaling", region_name=region, config=_config())


def find_caller(region: str | None, *, profile: str | None = None) -> str:
    """The ARN of whoever asks; GetCallerIdentity needs no permission (STS API reference)."""
    session, region = _session(region, profile)
    return session.client("sts", region_name=region, config=_config()).get_caller_identity()["Arn"]


def _config(*, is_preview: bool = False) -> Config:
    return Config(
        retries={
            "mode": "adaptive",
            "total_max_attempts": _ATTEMPTS_FOR_PREVIEW if is_preview else _ATTEMPTS,
        },
        connect_timeout=3 if is_preview else 10,
        read_timeout=10 if is_preview else 60,
        user_agent_extra="image-builder",
    )


def _session(region: str | None, profile: str | None) -> tuple[boto3.session.Session, str]:
    # A session of its own: boto3's default one is not made for threads.
    core = botocore.session.Session()
    core.register_component("data_loader", _loader())
    session = boto3.session.Session(botocore_session=core, region_name=region, profile_name=profile)
    # Packer, Pulumi and the AWS CLI read AWS_REGION; boto3 by itself does not.
    region = region or os.environ.get("AWS_REGION") or session.region_name
    if not region:
        raise ImageBuildError("no AWS region is set · one was expected · pass --region, or set AWS_REGION")
    return session, region


@functools.cache
def _loader() -> Loader:
    """What reads the models of AWS's services: once in this process, EC2's takes a fifth of a second."""
    loader: Loader = botocore.session.Session().get_component("data_loader")
    return loader


def poll_delay_seconds() -> float:
    """The pause between two looks at AWS; AWS_POLL_DELAY_SECONDS is Packer's own variable for it."""
    return float(os.environ.get("AWS_POLL_DELAY_SECONDS") or 5)


def error_code(error: ClientError) -> str:
    """AWS's name for *error*, such as UnauthorizedOperation."""
    return str(error.response.get("Error", {}).get("Code", ""))


def reason_of(error: BotoCoreError | ClientError) -> str:
    """Why AWS could not be asked, in a few words and without anything secret."""
    if isinstance(error, ClientError):
        return f"{error_code(error) or 'an AWS error'} at {error.operation_name}"
    return " ".join(str(error).split()).rstrip(".")


def reason_and_advice(error: BotoCoreError | ClientError) -> str:
    """Why AWS could not be asked, and what to do."""
    reason = reason_of(error)
    if has_expired(error):
        return f"{reason} · the AWS credentials have expired: renew them and run pulumi up again"
    if isinstance(error, ClientError) and (advice := _ADVICE.get(error_code(error))):
        return f"{reason} · {advice}"
    return f"{reason} · check credentials, permissions and region"


def has_expired(error: BotoCoreError | ClientError) -> bool:
    """Whether AWS no longer takes the credentials because of their age."""
    return isinstance(error, ClientError) and error_code(error) in _EXPIRED
