"""One region of an account, as the commands ask it: what is slow to answer is said meanwhile."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from image_builder.amis import Amis
from image_builder.ec2_client import make_auto_scaling_client, make_client
from image_builder.outage import Outage, watch

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_ec2 import EC2Client


@dataclass(frozen=True, kw_only=True)
class Account:
    """How one region is asked."""

    ec2: EC2Client
    auto_scaling: AutoScalingClient
    amis: Amis
    """Those of this region; another region that does not answer is given up early."""

    @classmethod
    def of(cls, region: str | None, profile: str | None, say: Callable[[str], None]) -> Account:
        """That of *region*; *say* is told while AWS does not answer."""
        ec2 = make_client(region, profile=profile)
        auto_scaling = make_auto_scaling_client(region, profile=profile)
        outage = Outage(say)
        for client in (ec2, auto_scaling):
            watch(client, outage)
        elsewhere = functools.partial(make_client, profile=profile, is_preview=True)
        return cls(
            ec2=ec2,
            auto_scaling=auto_scaling,
            amis=Amis(ec2, ec2.meta.region_name, client_of=elsewhere),
        )
