"""What AWS's refusals mean: a table of patterns over the words of the engine, the provider and botocore. Pure.

The shared diagnostics read the same rows for failures of the engine; `explained` reads them for calls of our own.
"""

from __future__ import annotations

import re
import string
from typing import NamedTuple

from mldeploy.stacks.cloud import Cause

_NO_CREDENTIALS = (
    r"NoCredentialProviders|no valid credential sources|Unable to locate credentials|failed to refresh cached credentials|"
    r"no EC2 IMDS role found|Partial credentials found|(?:config )?profile \(?[^)]*\)? could not be found"
)
_EXPIRED = (
    r"ExpiredToken|RequestExpired|security token included in the request is expired|token has expired|"
    r"SSO.{0,40}(?:expired|invalid)|Error loading SSO Token"
)
_INVALID = (
    r"InvalidClientTokenId|UnrecognizedClientException|security token included in the request is invalid|"
    r"SignatureDoesNotMatch|InvalidAccessKeyId|AuthFailure"
)
_DENIED = (
    r"(?:is not authorized to perform|not authorized to perform:?):? ?(?P<action>[a-z0-9-]+:[A-Za-z]+)"
    r"(?: on resource:? [\"']?(?P<resource>[^\s\"',]+))?"
)

CAUSES = (
    Cause(
        _EXPIRED,
        "the AWS credentials have expired",
        "sign in again: aws sso login, or give new keys; then run the same command again",
        "ProviderError",
    ),
    Cause(
        _INVALID,
        "AWS does not accept the credentials: they are wrong or deleted, or the region is not enabled in this account",
        "look with aws sts get-caller-identity; enable the region under Account in the console, or write another "
        "clouds.aws.region",
        "ProviderError",
    ),
    Cause(
        _NO_CREDENTIALS,
        "there are no AWS credentials",
        "aws configure (or aws sso login), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "ProviderError",
    ),
    Cause(
        r"UnreservedConcurrentExecution|ReservedConcurrentExecutions for function",
        "the account's Lambda quota leaves no room for resources.max_instances: part of it must stay unreserved",
        "write clouds.aws: {{reserved_concurrency: null}} and no resources.max_instances, or ask for more concurrent "
        "executions in Service Quotas",
        "ProviderError",
    ),
    Cause(
        _DENIED,
        "the credentials may not {action} on {resource}",
        'add this to their policy: {{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"}}; '
        "docs/aws.md has the whole policy",
        "ProviderError",
    ),
    Cause(
        r"AccessDenied(?:Exception)?|UnauthorizedOperation|StatusCode: 403|OptInRequired",
        "the credentials lack a permission",
        "docs/aws.md: `mldeploy iam --cloud aws` prints the policy that a deployer needs",
        "ProviderError",
    ),
    Cause(
        r"LimitExceeded|ServiceQuotaExceeded|CodeStorageExceeded|TooManyBuckets|[Qq]uota.{0,40}exceeded",
        "a quota of the account is reached",
        "delete what is not needed, or ask for more in Service Quotas; then run the same command again",
        "ProviderError",
    ),
    Cause(
        r"image manifest, config or layer media type.{0,80}not supported|InvalidImage|"
        r"source image .{0,200}(?:is not valid|does not exist)",
        "AWS Lambda rejects the image: it is gone from ECR, or it is an index of several images rather than one",
        "run `mldeploy build`, then the same command again",
    ),
    Cause(
        r"does not have permission to access the ECR image|ImageAccessDenied",
        "AWS Lambda may not read the image in ECR",
        "the credentials need ecr:SetRepositoryPolicy and ecr:GetRepositoryPolicy on the repository; the repository must be in "
        "the function's region",
    ),
    Cause(
        r"Runtime exited|Runtime\.ExitError|Runtime\.InvalidEntrypoint|exec format error|Runtime\.OutOfMemory|"
        r"Init(?:ialization)? .{0,40}(?:timed out|timeout)",
        "the container ended before it answered: too little memory, an image of another architecture, or a model that loads "
        "too slowly",
        "mldeploy logs shows its last words; raise resources.memory_mb (it brings processor time, too)",
    ),
    Cause(
        r"ResourceInUse|OperationAborted|operation cannot be performed at this time|update is in progress|"
        r"TooManyUpdates|ConcurrentModification",
        "AWS is still busy with an earlier change of the same thing",
        "wait a minute and run the same command again; it goes on from here",
    ),
    Cause(
        r"CreateOpenIDConnectProvider[\s\S]{0,300}?EntityAlreadyExists|EntityAlreadyExists[\s\S]{0,80}?provider with url",
        "the account trusts GitHub's tokens already: AWS keeps one such provider for all of them",
        "run the command again with --has-provider",
    ),
    Cause(
        r"RepositoryAlreadyExists|EntityAlreadyExists|ResourceConflictException|ResourceExistsException|"
        r"already exist|scheduled for deletion|BucketAlreadyExists|DuplicateRecordException",
        "something of that name is in the account already, and this deployment's record does not know it",
        "delete it, or choose another name or stage; what another machine deployed is shared with state.backend",
    ),
    Cause(
        r"NoSuchBucket|specified bucket does not exist",
        "the trigger's bucket does not exist",
        "make it in the same region, or write another clouds.aws.trigger.bucket",
        "ProviderError",
    ),
    Cause(
        r"Unable to validate the following destination configurations|notification destination service region is not valid",
        "S3 may not invoke the function: the bucket is of another region or account",
        "use a bucket of the function's region and account",
        "ProviderError",
    ),
    Cause(
        r"unsupported.{0,40}(?:EphemeralStorage|architecture)|is not supported in this region|"
        r"not available in (?:the|this) region",
        "the region does not offer what the spec asks for",
        "write another clouds.aws.region, or leave the setting out",
        "ProviderError",
    ),
    Cause(
        r"Could not connect to the endpoint|EndpointConnectionError|Could not resolve host|ConnectTimeout",
        "AWS does not answer: no network, or there is no such region",
        "look at the network and at clouds.aws.region",
        "ProviderError",
    ),
    Cause(
        r"Throttling|TooManyRequests|RequestLimitExceeded|Rate exceeded|SlowDown",
        "AWS asks for fewer calls a second",
        "wait a minute and run the same command again; it goes on from here",
    ),
)


class Explained(NamedTuple):
    """What a failure means, what to do, and the class of `mldeploy.errors` for it."""

    cause: str
    fix: str
    error: str


def explained(words: str) -> Explained | None:
    """The first row whose pattern is found in `words`."""
    for row in CAUSES:
        found = re.search(row.pattern, words, re.IGNORECASE)
        if found is not None:
            groups = {name: value or "the resource that it names" for name, value in found.groupdict().items()}
            cause, fix = (string.Formatter().vformat(text, (), groups) for text in (row.cause, row.fix))
            return Explained(cause, fix, row.error)
    return None
