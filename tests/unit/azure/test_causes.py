"""Refusals in the words that Azure uses, and what is said of them."""

from __future__ import annotations

import re

import pytest

from mldeploy import errors
from mldeploy.providers.azure.causes import CAUSES, explained

SAID = [
    (
        "DefaultAzureCredential failed to retrieve a token from the included credentials.",
        "no usable Azure credentials",
        "az login",
    ),
    ("AADSTS7000222: The provided client secret keys for app 'x' are expired.", "have expired", "renew"),
    ("SubscriptionNotFound: The subscription '1' could not be found.", "does not know the subscription", "az account list"),
    (
        "Code=\"AuthorizationFailed\" Message=\"The client 'a' with object id 'b' does not have authorization to perform action"
        " 'Microsoft.App/containerApps/write' over scope '/subscriptions/s/resourceGroups/g' or the scope is invalid.\"",
        "not allowed: Microsoft.App/containerApps/write on /subscriptions/s/resourceGroups/g",
        "--scope /subscriptions/s/resourceGroups/g",
    ),
    (
        "RequestDisallowedByPolicy: Resource 'x' was disallowed by policy. Policy: 'Allowed locations'",
        "Allowed locations",
        "policy",
    ),
    (
        "MissingSubscriptionRegistration: The subscription is not registered to use namespace 'Microsoft.App'.",
        "Microsoft.App",
        "az provider register --namespace Microsoft.App --wait",
    ),
    ('Code="QuotaExceeded"', "quota", "region"),
    (
        "StorageAccountAlreadyTaken: The storage account named x is already taken.",
        "unique in the world",
        "clouds.azure.subscription",
    ),
    ("AlreadyInUse: The registry DNS name x.azurecr.io is already in use.", "unique in the world", "clouds.azure.subscription"),
    ("A vault with the same name already exist in deleted state.", "deleted a short while ago", "az keyvault purge"),
    ("UNAUTHORIZED: authentication required; failed to pull manifest", "may not pull the image", "AcrPull"),
    (
        "ContainerAppOperationError: Deployment Progress Deadline Exceeded. 0/1 replicas ready.",
        "did not answer on its port",
        "start_timeout_s",
    ),
    ("The TargetPort 80 does not match any of the listening ports", "did not answer on its port", "clouds.azure.port"),
    ("container was terminated with reason OOMKilled", "more memory than it has", "memory_mb"),
    ("revision with suffix r0123 already exists", "a revision of this name", "env variable"),
    ("Unable to get value using Managed identity /x for secret db-token", "cannot read a secret", "Key Vault Secrets User"),
    ("PrincipalNotFound: Principal x does not exist in the directory", "not made the new identity known", "again"),
    ("cannot create already existing resource '/subscriptions/s/resourceGroups/digits-dev'", "is there already", "refresh"),
    ("RoleAssignmentExists: The role assignment already exists.", "already assigned", "az role assignment list"),
    ("ForbiddenByRbac", "secrets", "Key Vault Secrets Officer"),
    ("LocationNotAvailableForResourceType", "region", "another"),
]


@pytest.mark.parametrize(("text", "cause", "fix"), SAID, ids=[each[0][:40] for each in SAID])
def test_a_refusal_has_a_cause_and_a_fix(text: str, cause: str, fix: str) -> None:
    found = explained(text)
    assert found is not None
    assert cause in found[0]
    assert fix in found[1]


def test_words_without_a_cause_have_none() -> None:
    assert explained("a surprise") is None


def test_every_row_can_be_used() -> None:
    for row in CAUSES:
        groups = dict.fromkeys(re.compile(row.pattern).groupindex, "x")
        assert row.cause.format(**groups)
        assert row.fix.format(**groups)
        assert issubclass(getattr(errors, row.error), errors.MldeployError)
