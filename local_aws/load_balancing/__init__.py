"""Application Load Balancers of a local AWS: moto's ELBv2 API with a real haproxy behind it.

model.py        what is to be done, in plain values          translation.py  moto's objects -> model
render.py       model -> haproxy's configuration             targets.py      the life of a target, decided
health.py       a target's health in AWS's words             statistics.py   haproxy's counters, typed
refusals.py     what is not done here, and is refused        ports.py        addresses, ports and who has them
haproxy.py      runs haproxy, and nobody else does           runtime_api.py  what a running haproxy is told
proxy.py        keeps haproxy doing the model                performing.py   what was decided -> runtime API
request_log.py  what haproxy logs of each request
backend.py      moto's seam: balancers and listeners         target_groups.py  moto's seam: groups and targets
part.py         the thread, and the installation
"""

from __future__ import annotations

from local_aws.home import Home
from local_aws.load_balancing.part import LoadBalancing
from local_aws.load_balancing.statistics import Statistics

__all__ = ["LoadBalancing", "Statistics", "install", "read_statistics"]

_installed: list[LoadBalancing] = []


def install(home: Home) -> LoadBalancing:
    """The load balancing part of *home*, installed on moto but not started."""
    part = LoadBalancing(home)
    _installed[:] = [part]
    return part


def read_statistics() -> Statistics:
    """What the load balancers of the installed part answered since its start."""
    return _installed[0].read_statistics() if _installed else Statistics(load_balancers={}, target_groups={})
