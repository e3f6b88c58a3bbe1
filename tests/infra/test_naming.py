"""Names that AWS takes, whatever families and stacks are called."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from infra.naming import shorten


def test_a_short_name_stays_as_it_is() -> None:
    assert shorten("web-app-dev", 32) == "web-app-dev"


def test_characters_that_a_load_balancer_may_not_have_become_hyphens() -> None:
    assert shorten("team/web.app_(x)-dev", 64) == "team-web-app-x-dev"


def test_a_load_balancer_may_not_be_called_internal() -> None:
    assert shorten("internal-web-dev", 32) == "web-dev"


@given(name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9()./_-]{0,99}-[a-z0-9]{1,60}", fullmatch=True))
def test_every_name_leaves_room_for_what_pulumi_adds(name: str) -> None:
    short = shorten(name, 32)

    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", short)
    assert len(f"{short}-1234567") <= 32
