"""Credentials that do not last are spoken of before anything starts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.end_to_end.checkout import Checkout
from tests.end_to_end.conftest import TINY_STACK, own_images
from tests.end_to_end.tiny import commit_release


def ending_in(project: Checkout, minutes: float) -> Checkout:
    """*project* in a shell whose credentials end *minutes* from now."""
    end = datetime.now(UTC) + timedelta(minutes=minutes)
    return replace(
        project, environment={**project.environment, "AWS_CREDENTIAL_EXPIRATION": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    )


def test_a_preview_warns_of_credentials_that_may_end_before_the_rollout(tiny: Checkout) -> None:
    printed = ending_in(tiny, 50).preview(TINY_STACK)

    assert "warning: the AWS credentials in the environment end at" in printed
    assert "a build (up to 60 min) and a rollout (up to 10 min) may take until" in printed
    assert "the AWS credentials" not in ending_in(tiny, 150).preview(TINY_STACK)


def test_credentials_that_have_ended_stop_an_up_before_it_builds(tiny: Checkout, ec2: Any) -> None:
    commit_release(tiny, "too late")
    images = own_images(ec2)

    printed = ending_in(tiny, -1).failing_up(TINY_STACK)

    assert "error: the AWS credentials in the environment ended at" in printed
    assert "1 min ago · credentials that last were expected · put newer ones into the environment" in printed
    assert "Traceback" not in printed
    assert own_images(ec2) == images
