"""A rollout of 10, 100 and 1,000 instances: the calls it makes, and our run against the refresh."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.fleet import Cost, RecordFleet, seed_images
from local_aws import lifecycle
from local_aws.environment import UNSET, aws_environment

INSTANCES = (10, 100, 1000)
IMAGES = 10_000


def run(rounds: int, say: Callable[[str], None]) -> str:
    """A table of what each size cost; of several rounds, the one with the least overhead."""
    with tempfile.TemporaryDirectory(prefix="bench-rollout-") as name:
        folder = Path(name)
        wishes = lifecycle.Wishes(folder=folder, port=0, network="auto", machines="none")
        try:
            home = lifecycle.start(wishes, say)
            for variable in UNSET:
                os.environ.pop(variable, None)
            os.environ.update(aws_environment(home))
            say(f"making {IMAGES:,} AMIs")
            old, new, *_ = seed_images(home, IMAGES)
            costs: list[Cost] = []
            for instances in INSTANCES:
                tried = []
                for number in range(rounds):
                    fleet = RecordFleet(home, f"fleet-{instances}-{number}", (old, new), instances)
                    say(f"round {number + 1} of {rounds}: {instances} instances")
                    fleet.create()
                    tried.append(fleet.roll_out(lambda _: None))
                    fleet.delete()
                costs.append(min(tried, key=lambda cost: cost.overhead))
        finally:
            lifecycle.reset(folder, say)
    return table(costs)


def table(costs: Sequence[Cost]) -> str:
    """*costs* for people: one column for each size."""
    rows = [
        ("", [f"{cost.instances:,}" for cost in costs]),
        ("the refresh itself", [f"{cost.refresh_seconds:.1f} s" for cost in costs]),
        ("our run", [f"{cost.our_seconds:.1f} s" for cost in costs]),
        ("ratio", [f"{cost.overhead:.2f}" for cost in costs]),
        ("calls", [str(cost.calls.total()) for cost in costs]),
        ("calls a second", [f"{cost.calls_a_second:.1f}" for cost in costs]),
    ]
    actions = sorted({action for cost in costs for action in cost.calls})
    rows += [(f"  {action}", [str(cost.calls[action]) for cost in costs]) for action in actions]
    first = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{first}}" + "".join(f"{cell:>12}" for cell in cells) for name, cells in rows]
    return "\n".join([f"rollout by instances, {IMAGES:,} AMIs in the account", *lines])
