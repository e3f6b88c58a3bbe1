"""What is known of each request."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from local_aws.load_balancing.request_log import NO_ANSWER, RequestLog, count_by_group, parse_lines


def test_each_line_is_a_backend_and_its_milliseconds() -> None:
    assert parse_lines([b"web 12", b"web.fail-open 0", b"web -1"]) == [
        ("web", 12),
        ("web.fail-open", 0),
        ("web", NO_ANSWER),
    ]


@given(st.lists(st.binary()))
def test_whatever_is_no_line_is_left_out(lines: list[bytes]) -> None:
    assert isinstance(parse_lines(lines), list)


def test_a_line_that_comes_in_two_parts_is_one() -> None:
    log = RequestLog()
    log.open()
    assert log.writer
    try:
        log.writer.send(b"web 12\nwe")
        log.read()
        log.writer.send(b"b 12\n")
        log.read()
    finally:
        log.close()

    assert log.counts == {("web", 12): 2}


def test_a_group_has_the_requests_of_both_its_backends_and_of_no_other() -> None:
    counts = Counter({("web", 12): 2, ("web.fail-open", 12): 1, ("web", NO_ANSWER): 1, ("no-targets", 0): 5})
    backends = {"web": ("balancer", "arn"), "web.fail-open": ("balancer", "arn")}

    assert count_by_group(counts, backends) == {"arn": {12: 3, NO_ANSWER: 1}}
