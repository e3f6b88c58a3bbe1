"""The flags machines are tried with."""

from __future__ import annotations

from local_aws.machines.flags import candidate_flags
from local_aws.machines.podman import Flags


def test_the_flags_tried_first_are_those_of_an_ordinary_computer() -> None:
    candidates = list(candidate_flags(1000, 2000))

    assert candidates[0] == Flags(machine=("--cap-add=SYS_ADMIN", "--cap-add=SYS_BOOT", "--memory=512m"))
    assert candidates[-1] == Flags(
        general=("--cgroup-manager=cgroupfs", "--runtime=runc"),
        machine=("--ulimit=nofile=1000:1000", "--ulimit=nproc=2000:2000"),
    )
    assert len(set(candidates)) == len(candidates)
