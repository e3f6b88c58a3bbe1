"""A release that looks healthy and answers badly is noticed by the fleet's own alarms, and goes back."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from local_aws.home import Home
from tests.end_to_end.checkout import Checkout, ask, wait_until
from tests.end_to_end.conftest import STACK, client

PAUSE_SECONDS = 0.05


@contextmanager
def visitors(url: str) -> Iterator[Counter[int]]:
    """Ask for the page again and again; the answers by status, 0 where there was none."""
    answers: Counter[int] = Counter()
    ended = threading.Event()

    def visit() -> None:
        while not ended.wait(PAUSE_SECONDS):
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
            try:
                connection.request("GET", "/")
                answers[connection.getresponse().status] += 1
            except (OSError, http.client.HTTPException):
                answers[0] += 1
            finally:
                connection.close()

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield answers
    finally:
        ended.set()
        thread.join()


def test_a_release_that_is_healthy_and_answers_500_goes_back_and_the_alarm_is_named(
    project: Checkout, home: Home
) -> None:
    before = project.outputs(STACK)
    project.must("pulumi", "config", "set", "bakeTimeSeconds", "120", "--stack", STACK)
    project.edit(
        "images/web-app/app/server.py",
        'Answer(status="200 OK", content_type="text/html',
        'Answer(status="500 Internal Server Error", content_type="text/html',
    )

    with visitors(before["url"]) as answers:
        printed = project.failing_up(STACK)
        known = Counter(answers)
        wait_until(lambda: answers[200] > known[200], "the page is there again")

    assert answers[500] >= 10
    line = next(line for line in printed.splitlines() if "ended RollbackSuccessful" in line)
    assert "target-5xx" in line
    assert "HTTPCode" not in line
    assert "Threshold Crossed: 1 out of the last 1 datapoints [" in line
    assert before["ami_id"] in line
    for _ in range(10):
        assert ask(before["url"])["ami_id"] == before["ami_id"]
    history = client(home, "cloudwatch").describe_alarm_history(HistoryItemType="StateUpdate")
    assert "Alarm updated from OK to ALARM" in [
        item["HistorySummary"] for item in history["AlarmHistoryItems"] if "target-5xx" in item["AlarmName"]
    ]

    project.must("git", "revert", "--no-edit", "HEAD")
    project.up(STACK)

    assert project.outputs(STACK)["ami_id"] == before["ami_id"]


def test_alarms_can_be_left_out_of_a_run_and_come_back_without_a_rollout(
    project: Checkout, home: Home
) -> None:
    group = project.outputs(STACK)["auto_scaling_group"]
    alarms, scaling = client(home, "cloudwatch"), client(home, "autoscaling")

    def names() -> set[str]:
        """The alarms that the fleet has."""
        return {alarm["AlarmName"].rpartition("-")[0] for alarm in alarms.describe_alarms()["MetricAlarms"]}

    def refreshes() -> int:
        """How many rollouts there were."""
        return len(scaling.describe_instance_refreshes(AutoScalingGroupName=group)["InstanceRefreshes"])

    names_before, refreshes_before = names(), refreshes()
    project.must("pulumi", "config", "set", "alarms", "false", "--stack", STACK)
    project.up(STACK)
    names_without = names()
    project.must("pulumi", "config", "rm", "alarms", "--stack", STACK)
    project.up(STACK)

    assert names_before == {"web-app-local-target-5xx", "web-app-local-unhealthy-hosts"}
    assert names_without == set()
    assert names() == names_before
    assert refreshes() == refreshes_before
