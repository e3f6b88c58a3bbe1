"""Moves an Auto Scaling group to an image, waits, verifies, and says truthfully how it went.

A life in files: resource.py (what a Pulumi program sees), inputs.py (what is refused), provider.py (what
happens to it), plan.py and decide.py (what is to be done, from plain values), rolling.py (doing it):
beginning.py (starting or adopting a refresh), following.py (until it has ended), verifying.py (what is really
there), marking.py (the AMI's tag of a success). course.py and evidence.py are what these share: how far it
has come, and what failed. wording.py and telling.py are how it is told, patience.py and aws_errors.py an AWS
that does not answer, fleets.py, refreshes.py and account.py the only calls of AWS.
By hand: `python -m infra.rollout` (__main__.py, commands/), which needs no Pulumi and starts at once; the
resource is imported when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.rollout.resource import InstanceRefresh, InstanceRefreshArgs

__all__ = ["InstanceRefresh", "InstanceRefreshArgs"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from infra.rollout import resource

    return getattr(resource, name)
