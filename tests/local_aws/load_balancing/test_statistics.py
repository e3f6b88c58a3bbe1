"""haproxy's counters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from local_aws.load_balancing.statistics import Row, Tally, parse_rows, summarize

CSV = """# pxname,svname,scur,status,check_status,check_code,hrsp_2xx,hrsp_5xx,req_tot,
front,FRONTEND,1,OPEN,,,7,4,11,
web,127.0.9.10:80,3,UP,* L7OK,200,7,1,,
web,BACKEND,3,UP,,,7,2,8,
"""


def counted(server: str, kind: str, good: int, bad: int, requests: int = 0) -> Row:
    """A row that counted answers."""
    return Row(proxy=server, server=kind, requests=requests, responses={"2xx": good, "5xx": bad})


def test_rows_are_typed() -> None:
    frontend, server, _ = parse_rows(CSV)

    assert (frontend.proxy, frontend.server, frontend.requests) == ("front", "FRONTEND", 11)
    assert (server.current_sessions, server.responses["5xx"], server.check_code) == (3, 1, "200")
    assert server.is_up
    assert server.has_passed_check


@given(st.text())
def test_any_text_is_read_without_a_failure(text: str) -> None:
    assert isinstance(parse_rows(text), list)


def test_counts_outlive_a_removed_server_and_a_replaced_process() -> None:
    tally = Tally()
    tally.see([counted("web", "a", 5, 1), counted("web", "b", 2, 0)])
    tally.see([counted("web", "a", 6, 1)])
    tally.see([counted("web", "a", 1, 0)])
    tally.close()
    tally.see([counted("web", "a", 1, 0)])

    assert tally.totals()[("web", "server", "2xx")] == 2 + 6 + 1 + 1
    assert tally.totals()[("web", "server", "5xx")] == 1


def test_what_no_target_answered_is_the_load_balancers_own_error() -> None:
    tally = Tally()
    frontend = counted("front", "FRONTEND", 7, 4, requests=11)
    tally.see([frontend, counted("web", "a", 5, 1), counted("open", "a", 2, 1)])

    summary = summarize(
        tally.totals(), {"front": "balancer"}, {"web": ("balancer", "arn"), "open": ("balancer", "arn")}
    )

    balancer = summary.load_balancers["balancer"]
    assert (balancer.requests, balancer.elb_5xx) == (11, 2)
    assert balancer.target_responses["5xx"] == 2
    assert summary.target_groups["arn"]["2xx"] == 7
