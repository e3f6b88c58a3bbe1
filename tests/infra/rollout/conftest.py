"""What every test of the rollout stands on."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def five_seconds_between_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", "5")
