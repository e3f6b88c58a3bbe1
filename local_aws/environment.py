"""The environment variables that make Packer, Pulumi, boto3 and the AWS CLI use a local AWS."""

from __future__ import annotations

import os
from collections.abc import Mapping

from local_aws.home import REGION, SSH_PORT, Home

SERVICES = (
    "AUTO_SCALING",
    "CLOUDWATCH",
    "EC2",
    "ELASTIC_LOAD_BALANCING_V2",
    "IAM",
    "KMS",
    "SECRETS_MANAGER",
    "SSM",
    "STS",
)
UNSET = (
    # They would add the user's real account to the made-up credentials.
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    # They win over AWS_ENDPOINT_URL (AWS SDKs and Tools reference guide, "Service-specific endpoints").
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    *(f"AWS_ENDPOINT_URL_{service}" for service in SERVICES),
)


def aws_environment(home: Home, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables by which a run against *home* differs from a run against AWS; *base* is the shell's."""
    direct = ",".join(find_direct_hosts(home, base))
    environment = {
        "AWS_ENDPOINT_URL": home.endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # A proxy cannot reach this computer's own addresses; some tools read the one name, some the other.
        "NO_PROXY": direct,
        "no_proxy": direct,
        # Packer's own variable; 5 s otherwise, which suits machines that take a minute to boot.
        "AWS_POLL_DELAY_SECONDS": "1",
        # images/web-app would ask a service on the internet for this computer's address.
        "PKR_VAR_ssh_source_cidrs": '["127.0.0.0/8"]',
    }
    if home.ssh_port != SSH_PORT:
        environment["PKR_VAR_ssh_port"] = str(home.ssh_port)
    return environment


def find_direct_hosts(home: Home, base: Mapping[str, str]) -> list[str]:
    """The hosts that are not asked through a proxy: those of *base* and those of *home*.

    Not every tool understands a network; for those that do not, each address is named.
    """
    given = [base.get("NO_PROXY", ""), base.get("no_proxy", "")]
    hosts = [host.strip() for text in given for host in text.split(",")]
    own = ["127.0.0.1", "localhost", "127.0.0.0/8", *home.load_balancer_addresses]
    return list(dict.fromkeys(host for host in [*hosts, *own] if host))
