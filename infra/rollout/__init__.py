"""Moves an Auto Scaling group to an image, waits, verifies, and says truthfully how it went.

A life in files: resource.py (what a Pulumi program sees), provider.py (what happens to it),
decide.py and plan.py (what is to be done, from plain values), wording.py (how it is told), rolling.py (doing
it), refreshes.py (the only boto3).
"""

from infra.rollout.resource import InstanceRefresh, InstanceRefreshArgs

__all__ = ["InstanceRefresh", "InstanceRefreshArgs"]
