"""Watching a refresh by hand: a line for each change, for people or for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from time import monotonic, sleep

from infra.rollout.account import Account
from infra.rollout.course import Course, Stage
from infra.rollout.evidence import Evidence
from infra.rollout.following import Follower, read_utc
from infra.rollout.looking import find_target
from infra.rollout.situation import plain_refresh
from infra.rollout.telling import Teller
from infra.rollout.values import Refresh


@dataclass(kw_only=True)
class JsonTeller(Teller):
    """Says each line as an object, with the refresh as it was then."""

    account: Account

    def add(self, line: str) -> None:
        """Say *line* between those that tell how far it is."""
        refresh = self.account.latest
        self.say(
            json.dumps(
                {
                    "at": read_utc().isoformat(timespec="seconds"),
                    "line": line,
                    **(plain_refresh(refresh) if refresh else {}),
                }
            )
        )


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How a refresh ended, and what is added to a failure to say where to look."""

    refresh: Refresh
    evidence: str


def watch(account: Account, group_name: str, running: Refresh, *, is_json: bool) -> Watched:
    """Tell each change of *running* until it has ended, however long that takes."""
    group = account.require_group(group_name)
    target = find_target(account, group, running)
    teller = (
        JsonTeller(say=_say, clock=monotonic, account=account)
        if is_json
        else Teller(say=_say, clock=monotonic)
    )
    course = Course(
        refreshes=account,
        group_name=group_name,
        target=target,
        teller=teller,
        evidence=Evidence(refreshes=account, target=target),
        sleep=sleep,
        stage=Stage.FOLLOWING,
    )
    follower = Follower(course=course, turns_back=False)
    refresh = follower.follow(running.refresh_id, total=group.desired_capacity, is_own=False)
    return Watched(refresh=refresh, evidence=course.evidence.story)


def _say(line: str) -> None:
    print(line, flush=True)
