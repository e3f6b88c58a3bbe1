"""Moves an Auto Scaling group to an image, waits, verifies, and says truthfully how it went.

A life in files: resource.py (what a Pulumi program sees), inputs.py (what is refused), provider.py (what
happens to it), plan.py and decide.py (what is to be done, from plain values), rolling.py (doing it):
beginning.py (starting or adopting a refresh), following.py and progress.py (until it has ended), verifying.py
(what is really there), evidence.py (what failed). wording.py and telling.py are how it is told, patience.py
and aws_errors.py an AWS that does not answer, refreshes.py the only boto3.
"""

from infra.rollout.resource import InstanceRefresh, InstanceRefreshArgs

__all__ = ["InstanceRefresh", "InstanceRefreshArgs"]
