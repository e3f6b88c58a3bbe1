"""Asks the load balancer, once the rollout is done, which image answers."""

from __future__ import annotations

import pulumi
from pulumi_command import local

from infra.rollout import InstanceRefresh


def run_smoke_test(
    name: str,
    *,
    url: pulumi.Input[str],
    ami_id: pulumi.Input[str],
    launch_template_version: pulumi.Input[str],
    rollout: InstanceRefresh,
    timeout_seconds: int,
    opts: pulumi.ResourceOptions | None = None,
) -> local.Command:
    """A command that fails `pulumi up` unless every answer of *url* names *ami_id* within the time.

    It runs after *rollout*, and again whenever the image or the launch template's version changes.
    """
    return local.Command(
        f"{name}-smoke-test",
        create="python3 infra/smoke_test_probe.py",
        environment={
            "SMOKE_TEST_URL": url,
            "SMOKE_TEST_AMI_ID": ami_id,
            "SMOKE_TEST_TIMEOUT_SECONDS": str(timeout_seconds),
        },
        triggers=[ami_id, launch_template_version],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[rollout])),
    )
