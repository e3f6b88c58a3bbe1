"""CloudWatch of a local AWS: the load balancers' metrics, and alarms that are evaluated.

values.py     what alarms are evaluated on             evaluate.py   data points -> state, decided
wording.py    the reasons, in CloudWatch's words       aggregate.py  samples -> statistics, percentiles
measure.py    the balancers' counters -> metrics       metrics.py    moto's metric data -> data points
rules.py      moto's alarms -> rules; refusals         history.py    what happened to an alarm
backend.py    moto's seam: alarms and metrics          responses.py  API actions that moto lacks
part.py       the thread that measures and has alarms evaluated
Differences from AWS: DIFFERENCES.md.
"""

from __future__ import annotations

import os

from moto.cloudwatch import models
from moto.cloudwatch.models import cloudwatch_backends

from local_aws.home import Home, LocalAwsError, Part
from local_aws.monitoring.backend import LocalCloudWatchBackend
from local_aws.monitoring.metrics import LocalStatistics
from local_aws.monitoring.part import Monitoring
from local_aws.monitoring.responses import put_actions_on_moto

__all__ = ["install", "install_on_moto", "read_minute_seconds"]

MINUTE_VARIABLE = "LOCAL_AWS_METRIC_SECONDS"
DEFAULT_MINUTE_SECONDS = 10.0


def read_minute_seconds(environment: dict[str, str]) -> float:
    """How long a minute of metrics and alarms lasts here."""
    text = environment.get(MINUTE_VARIABLE, "")
    try:
        seconds = float(text) if text else DEFAULT_MINUTE_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 60:
        raise LocalAwsError(
            f"{MINUTE_VARIABLE} is {text!r} · 0.1 to 60 seconds were expected · unset it, or give another"
        )
    return seconds


def install_on_moto() -> None:
    """Serve metrics and alarms from here on; nothing measures or evaluates them yet."""
    cloudwatch_backends.backend = LocalCloudWatchBackend
    cloudwatch_backends.clear()
    models.Statistics = LocalStatistics  # type: ignore[misc]
    put_actions_on_moto()


def install(home: Home) -> Part:  # noqa: ARG001
    """Serve CloudWatch from here on; load balancing must have been installed before."""
    minute_seconds = read_minute_seconds(dict(os.environ))
    install_on_moto()
    return Monitoring(minute_seconds=minute_seconds)
