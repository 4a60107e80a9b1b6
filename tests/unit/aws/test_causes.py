"""What AWS's refusals mean: words as its services and Terraform's provider write them, and the row that answers."""

from __future__ import annotations

import pytest

from mldeploy import errors
from mldeploy.providers.aws.causes import CAUSES, explained

PROVIDER = (
    "creating Lambda Function (digits-dev): operation error Lambda: CreateFunction, https response error StatusCode: 4xx, "
)


@pytest.mark.parametrize(
    ("words", "cause", "fix", "kind"),
    [
        ("NoCredentialsError: Unable to locate credentials", "no AWS credentials", "aws configure", "ProviderError"),
        (
            "no valid credential sources for Terraform AWS Provider found.\nError: failed to refresh cached credentials, "
            "no EC2 IMDS role found",
            "no AWS credentials",
            "aws configure",
            "ProviderError",
        ),
        (
            "ProfileNotFound: The config profile (no) could not be found",
            "no AWS credentials",
            "AWS_PROFILE",
            "ProviderError",
        ),
        (
            "ExpiredTokenException: The security token included in the request is expired",
            "have expired",
            "aws sso login",
            "ProviderError",
        ),
        (
            "api error InvalidClientTokenId: The security token included in the request is invalid",
            "does not accept the credentials",
            "enable the region",
            "ProviderError",
        ),
        (
            f"{PROVIDER}api error AccessDeniedException: User: arn:aws:iam::1:user/u is not authorized to perform: "
            "lambda:CreateFunction on resource: arn:aws:lambda:eu-central-1:1:function:digits-dev because no identity-based "
            "policy allows the lambda:CreateFunction action",
            "may not lambda:CreateFunction on arn:aws:lambda:eu-central-1:1:function:digits-dev",
            '{"Effect": "Allow", "Action": "lambda:CreateFunction", '
            '"Resource": "arn:aws:lambda:eu-central-1:1:function:digits-dev"}',
            "ProviderError",
        ),
        ("AccessDenied: Access Denied", "lack a permission", "docs/aws.md", "ProviderError"),
        (f"{PROVIDER}CodeStorageExceededException: limit", "quota", "Service Quotas", "ProviderError"),
        (
            f"{PROVIDER}InvalidParameterValue: Specified ReservedConcurrentExecutions for function decreases account's "
            "UnreservedConcurrentExecution below its minimum value of [100].",
            "leaves no room",
            "clouds.aws: {reserved_concurrency: null}",
            "ProviderError",
        ),
        (
            f"{PROVIDER}ResourceConflictException: Function already exist: digits-dev",
            "of that name",
            "another name",
            "DeployError",
        ),
        (
            f"{PROVIDER}ResourceConflictException: The operation cannot be performed at this time. An update is in progress",
            "still busy",
            "wait a minute",
            "DeployError",
        ),
        (
            "EntityAlreadyExists: Role with name digits-dev-role-5c98e1 already exists.",
            "of that name",
            "state.backend",
            "DeployError",
        ),
        (
            f"{PROVIDER}InvalidParameterValueException: The image manifest, config or layer media type for the source image "
            "x@sha256:aa is not supported.",
            "rejects the image",
            "mldeploy build",
            "DeployError",
        ),
        (
            f"{PROVIDER}InvalidParameterValueException: Source image x@sha256:aa does not exist. Provide a valid source image.",
            "rejects the image",
            "mldeploy build",
            "DeployError",
        ),
        (
            "Runtime.ExitError: RequestId: 1 Error: Runtime exited with error: signal: killed",
            "too little memory",
            "memory_mb",
            "DeployError",
        ),
        ("ThrottlingException: Rate exceeded", "fewer calls", "wait a minute", "DeployError"),
        ("api error NoSuchBucket: The specified bucket does not exist", "does not exist", "trigger.bucket", "ProviderError"),
        (
            "InvalidArgument: Unable to validate the following destination configurations",
            "may not invoke",
            "function's region",
            "ProviderError",
        ),
        (
            "InvalidArgument: The notification destination service region is not valid for the bucket location constraint",
            "may not invoke",
            "function's region",
            "ProviderError",
        ),
        (
            'EndpointConnectionError: Could not connect to the endpoint URL: "https://sts.us-esat-1.amazonaws.com/"',
            "does not answer",
            "clouds.aws.region",
            "ProviderError",
        ),
        ("OptInRequired: You are not subscribed to this service", "lack a permission", "docs/aws.md", "ProviderError"),
        (
            "creating IAM OIDC Provider: operation error IAM: CreateOpenIDConnectProvider, https response error "
            "StatusCode: 409, RequestID: 1, EntityAlreadyExists: Provider with url https://token.actions.githubusercontent.com "
            "already exists.",
            "trusts GitHub's tokens already",
            "--has-provider",
            "DeployError",
        ),
    ],
)
def test_words_are_explained(words: str, cause: str, fix: str, kind: str) -> None:
    found = explained(words)
    assert found is not None
    assert cause in found.cause, found
    assert fix in found.fix, found
    assert found.error == kind


def test_what_is_unknown_is_left_as_it_was_said() -> None:
    assert explained("ValidationException: 1 validation error detected") is None


def test_every_row_is_of_an_error_of_ours() -> None:
    for row in CAUSES:
        assert issubclass(getattr(errors, row.error), errors.MldeployError)
        assert row.cause
        assert row.fix
