"""Auto Scaling on moto, for real: a keeper launches, watches and replaces instances, and instance refresh.

decide.py and next_step.py decide from plain values; keeper.py sees and doing.py does; backend.py,
membership.py and refresh_actions.py are what the API changes; responses.py is the API.
Differences from AWS: DIFFERENCES.md.
"""

from __future__ import annotations

from moto.autoscaling.models import autoscaling_backends

from local_aws.auto_scaling.keeper import Keeper
from local_aws.auto_scaling.membership import MembershipBackend
from local_aws.auto_scaling.responses import put_actions_on_moto
from local_aws.home import Home, Part

__all__ = ["install"]


def install(home: Home) -> Part:  # noqa: ARG001
    """Serve Auto Scaling from here on; EC2 and load balancing must have been installed before."""
    keeper = Keeper()
    MembershipBackend.wake = staticmethod(keeper.wake)
    autoscaling_backends.backend = MembershipBackend
    autoscaling_backends.clear()
    put_actions_on_moto()
    return keeper
