"""Removes what earlier runs of this folder left in AWS, and here, because they were killed.

A killed `pulumi up` usually leaves nothing: Packer is interrupted and cleans up (supervisor.py). Yet machines
are switched off, and an interrupted Packer knows nothing of what AWS made for a call whose answer it did
not wait for: RunInstances, CreateKeyPair and CreateSecurityGroup (packer-plugin-amazon v1.8.0, Cleanup in
common/step_run_source_instance.go, step_key_pair.go and step_security_group.go). Here the run's own folder
tells that it is dead, so nobody has to wait for its deadline, as `reap` does for the runs of other machines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from image_builder.building.living_runs import living_runs
from image_builder.building.run_folder import RunFolder, dead_runs, remove_template
from image_builder.ec2_client import make_client, reason_of
from image_builder.leftovers.reap import remove_leftovers
from image_builder.leftovers.reaping import Known, judge
from image_builder.leftovers.temporaries import Temporaries


def remove_what_dead_runs_left(project: Path, region: str, show: Callable[[str], None]) -> None:
    """Remove it, and say so; what cannot be removed is said as well, and fails nothing."""
    with dead_runs(project, region) as runs:
        alive = living_runs() if runs else {}
        dead = {run.run_id: run for run in runs if run.run_id not in alive}
        if not dead:
            return
        try:
            tidy = _remove(dead, region, show)
        except (BotoCoreError, ClientError) as error:
            show(f"what killed runs left in AWS is not known: {reason_of(error)} · the next up looks again")
            return
        for run_id in tidy:
            remove_template(dead[run_id])


def _remove(dead: Mapping[str, RunFolder], region: str, show: Callable[[str], None]) -> set[str]:
    """Remove what *dead* runs left; those of them that left nothing, or nothing more."""
    temporaries = Temporaries(make_client(region))
    rows = judge(temporaries.find(), Known(now=datetime.now(UTC), alive={}, named=dead))
    tidy = set(dead)
    for row, failure in remove_leftovers(rows, temporaries):
        what = f"{row.thing.kind} {row.thing.resource_id} of run {row.run_id}, which was killed"
        if failure:
            tidy.discard(row.run_id)
            command = f"python -m image_builder reap --region {region} --run {row.run_id} --yes"
            show(f"{what}, is left: {failure} · the next up tries again, or run: {command}")
        else:
            show(f"removed {what}")
    return tidy
