"""What can go wrong in a rollout; each message is one line that stands alone."""

from __future__ import annotations


class RolloutError(Exception):
    """The fleet is not, or not verifiably, on the image."""


class RefreshInProgressError(RolloutError):
    """Somebody else's instance refresh is running in the group."""


class StartUnansweredError(RolloutError):
    """AWS did not answer the start of a refresh, which it may or may not have begun."""


class RolloutDeadlineError(RolloutError):
    """The deadline passed; AWS goes on with what it was told."""
