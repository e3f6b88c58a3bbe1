"""The thread that measures the load balancers, publishes it as metrics, and has the alarms evaluated."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import cast

from moto.cloudwatch.models import cloudwatch_backends
from moto.elbv2.models import ELBv2Backend, FakeTargetGroup, elbv2_backends

from local_aws.load_balancing import Statistics, read_statistics
from local_aws.monitoring.backend import LocalCloudWatchBackend
from local_aws.monitoring.measure import Hosts, WatchedGroup, measure

LOOKS_IN_A_MINUTE = 10
"""How often the health of the targets is seen between two publications."""

log = logging.getLogger(__name__)


class Monitoring:
    """CloudWatch's side of a local AWS, as a part that starts and stops; a minute lasts *minute_seconds*."""

    def __init__(
        self,
        *,
        minute_seconds: float,
        clock: Callable[[], float] = time.time,
        read: Callable[[], Statistics] = read_statistics,
    ) -> None:
        self._minute_seconds = minute_seconds
        self._clock = clock
        self._read = read
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._hosts: dict[str, list[Hosts]] = defaultdict(list)
        self._begin()

    def start(self) -> None:
        """Begin to measure."""
        self._stopping.clear()
        self._begin()
        self._thread = threading.Thread(target=self._run, name="monitoring", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def _begin(self) -> None:
        self._before = self._read()
        self._period_began = self._clock() // self._minute_seconds * self._minute_seconds

    def _run(self) -> None:
        while not self._stopping.wait(self._minute_seconds / LOOKS_IN_A_MINUTE):
            try:
                self.look()
            except Exception:
                log.exception("this look at the load balancers failed; the next one tries again")

    def look(self) -> None:
        """See the targets' health; at the end of a minute publish it and judge the alarms."""
        now = self._clock()
        for backend, group in _groups_in_use():
            self._hosts[group.arn].append(_see(backend, group))
        ended = now // self._minute_seconds * self._minute_seconds
        if ended <= self._period_began:
            return
        after = self._read()
        self._publish(after, ended - self._minute_seconds)
        self._before, self._period_began = after, ended
        self._hosts.clear()
        for _, _, cloudwatch in list(cloudwatch_backends.iter_backends()):
            if isinstance(cloudwatch, LocalCloudWatchBackend):
                for change in cloudwatch.evaluate_alarms(ended, self._minute_seconds):
                    log.info("%s", change)

    def _publish(self, after: Statistics, timestamp: float) -> None:
        watched: dict[tuple[str, str], list[WatchedGroup]] = defaultdict(list)
        for backend, group in _groups_in_use():
            watched[(backend.account_id, backend.region_name)].append(
                WatchedGroup(
                    arn=group.arn,
                    target_group=group.arn.rpartition(":")[2],
                    load_balancer=group.load_balancer_arns[0].partition(":loadbalancer/")[2],
                    hosts=tuple(self._hosts[group.arn]),
                )
            )
        for (account, region), groups in watched.items():
            cloudwatch = cloudwatch_backends[account][region]
            if isinstance(cloudwatch, LocalCloudWatchBackend):
                cloudwatch.publish(measure(self._before, after, groups), timestamp)


def _groups_in_use() -> Iterator[tuple[ELBv2Backend, FakeTargetGroup]]:
    """The target groups that a load balancer forwards to; a group belongs to one."""
    for _, _, each in list(elbv2_backends.iter_backends()):
        backend = cast(ELBv2Backend, each)
        for group in list(backend.target_groups.values()):
            if group.load_balancer_arns:
                yield backend, group


def _see(backend: ELBv2Backend, group: FakeTargetGroup) -> Hosts:
    """The health of what is registered: a target that is deregistered counts neither way."""
    registered = [{"Id": instance_id} for instance_id in list(group.targets)]
    states = (
        [health.status for health in backend.describe_target_health(group.arn, registered)]
        if registered
        else []
    )
    return Hosts(
        healthy=states.count("healthy"), unhealthy=states.count("unhealthy"), registered=len(registered)
    )
