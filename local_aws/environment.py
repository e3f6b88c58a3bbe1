"""The environment variables that make Packer, Pulumi, boto3 and the AWS CLI use a local AWS."""

from __future__ import annotations

from local_aws.home import REGION, SSH_PORT, Home

# They would add the user's real account to the made-up credentials.
UNSET = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION")


def aws_environment(home: Home) -> dict[str, str]:
    """The variables by which a run against *home* differs from a run against AWS."""
    environment = {
        "AWS_ENDPOINT_URL": home.endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Packer's own variable; 5 s otherwise, which suits machines that take a minute to boot.
        "AWS_POLL_DELAY_SECONDS": "1",
        # images/web-app would ask a service on the internet for this computer's address.
        "PKR_VAR_ssh_source_cidrs": '["127.0.0.0/8"]',
    }
    if home.ssh_port != SSH_PORT:
        environment["PKR_VAR_ssh_port"] = str(home.ssh_port)
    return environment
