"""Errors of AWS's API: which of them pass by themselves, and what a person is to do about the others."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as NoConnectionError,
)

AwsError = BotoCoreError | ClientError
AWS_ERRORS = (BotoCoreError, ClientError)

TRANSIENT_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "InternalError",
        "InternalFailure",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ResourceContention",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "Unavailable",
    }
)
"""What botocore retries in standard mode, and what EC2 and Auto Scaling say (Common Errors)."""

CREDENTIAL_CODES = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
PERMISSION_CODES = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})

NEW_INSTANCE_PROFILE = "Invalid IAM Instance Profile"
"""What a ValidationError says of an instance profile made seconds ago (terraform-provider-aws#24910)."""


def error_code(error: AwsError) -> str:
    """AWS's code of *error*; empty where AWS did not answer at all."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def is_transient(error: AwsError) -> bool:
    """Whether the same request may well be served in a moment: throttling, 5xx, no or half an answer."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        is_unknown_yet = NEW_INSTANCE_PROFILE in error.response.get("Error", {}).get("Message", "")
        return error_code(error) in TRANSIENT_CODES or status == 429 or status >= 500 or is_unknown_yet
    return isinstance(error, HTTPClientError | NoConnectionError) and not isinstance(error, SSLError)


def is_group_gone(error: AwsError) -> bool:
    """Whether AWS says that there is no such Auto Scaling group: "AutoScalingGroup name not found"."""
    said = describe_error(error).lower()
    return error_code(error) == "ValidationError" and "group" in said and "not found" in said


def describe_error(error: AwsError) -> str:
    """*error* in a few words."""
    if isinstance(error, ClientError):
        return f"{error_code(error)}: {one_line(error.response.get('Error', {}).get('Message', ''))}"
    return one_line(str(error))


def explain(error: AwsError, group_name: str, left: str, command: str = "pulumi up") -> str:
    """The line that a rollout of *group_name* fails with, with what it *left*, and the *command* to run."""
    said = describe_error(error)
    if is_group_gone(error):
        return (
            f"Auto Scaling group {group_name} is gone ({said}) · it was expected to stay · run pulumi "
            "refresh, then pulumi up"
        )
    if error_code(error).startswith("IrreversibleInstanceRefresh"):
        return (
            f"the instance refresh of {group_name} cannot be turned back ({said}) · one with a desired "
            "configuration, of a group that launches a numbered version, was expected · let it end (python "
            "-m infra.rollout watch, or cancel), then choose an AMI: pulumi config set pinnedAmi AMI_ID, and "
            "pulumi up"
        )
    is_credential = isinstance(error, NoCredentialsError | CredentialRetrievalError | SSOError)
    if is_credential or isinstance(error, TokenRetrievalError) or error_code(error) in CREDENTIAL_CODES:
        return (
            f"AWS does not take the credentials for {group_name} ({said}) · valid ones were expected · renew "
            f"them and run {command} again; {left}"
        )
    if isinstance(error, ClientError) and error_code(error) in PERMISSION_CODES:
        return (
            f"{error.operation_name} for {group_name} is not allowed ({said}) · a role that may call it was "
            f"expected · allow it and run {command} again; {left}"
        )
    if is_transient(error):
        return (
            f"AWS does not answer about {group_name} ({said}) · an answer was expected · run {command} "
            f"again; {left}"
        )
    asked = f"{error.operation_name} for {group_name}" if isinstance(error, ClientError) else group_name
    return (
        f"AWS refused {asked} ({said}) · it was expected to do it · mend that and run {command} again; {left}"
    )


def one_line(text: str) -> str:
    """*text* without line breaks."""
    return " ".join(str(text).split())
