"""What Azure's refusals mean and what to do: regular expressions over the words of the engine and of Azure's own errors.

The order counts: the first row that matches is the one. Codes:
learn.microsoft.com/azure/azure-resource-manager/troubleshooting.
"""

from __future__ import annotations

import re

from mldeploy.stacks.cloud import Cause

CAUSES: tuple[Cause, ...] = (
    Cause(
        r"(?i)AADSTS7000222|AADSTS700082|AADSTS50173|refresh token has expired|token (?:is|has) expired|"
        r"ExpiredAuthenticationToken",
        "the Azure credentials have expired",
        "run `az login` again, or renew the client secret",
        "ProviderError",
    ),
    Cause(
        r"(?i)AADSTS\d+|DefaultAzureCredential failed|could not find (?:any )?(?:valid )?credentials|please "
        r"run 'az login'|building (?:account|auth).*az login|EnvironmentCredential",
        "there are no usable Azure credentials",
        "run `az login`; in CI, set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or sign in by OIDC",
        "ProviderError",
    ),
    Cause(
        r"(?i)InvalidAuthenticationTokenTenant|SubscriptionNotFound|InvalidSubscriptionId|The subscription "
        r"'(?P<name>[^']*)' could not be found",
        "this sign-in does not know the subscription",
        "check clouds.azure.subscription against `az account list -o table`; for another tenant, `az login --tenant …`",
        "ProviderError",
    ),
    Cause(
        r"(?is)(?:AuthorizationFailed|LinkedAuthorizationFailed).*?(?:permission|authorization) to perform "
        r"action\(?s?\)? '(?P<action>[^']+)'.*?scope\(?s?\)? '(?P<scope>[^']+)'",
        "not allowed: {action} on {scope}",
        "ask for a role that has it (docs/azure.md lists them): az role assignment create --assignee YOU "
        "--role ROLE --scope {scope}",
        "ProviderError",
    ),
    Cause(
        r"(?i)ForbiddenByRbac|Caller is not authorized to perform action on resource",
        "not allowed to read or write secrets in this deployment's key vault",
        "get the role: az role assignment create --assignee YOU --role 'Key Vault Secrets Officer' --scope "
        "THE-RESOURCE-GROUP; new roles take some minutes",
        "ProviderError",
    ),
    Cause(
        r"(?i)AuthorizationFailed", "a permission is missing", "docs/azure.md lists the roles of who deploys", "ProviderError"
    ),
    Cause(
        r"(?is)RequestDisallowedByPolicy.*?(?:policy|policyAssignment)[^'\"]*['\"](?P<policy>[^'\"]+)",
        "a policy of your organisation refuses this: {policy}",
        "ask who owns the policy, or deploy to another subscription or region",
        "ProviderError",
    ),
    Cause(
        r"(?i)RequestDisallowedByPolicy",
        "a policy of your organisation refuses this",
        "ask who owns the policy",
        "ProviderError",
    ),
    Cause(
        r"(?is)MissingSubscriptionRegistration.*?namespace '(?P<namespace>[^']+)'",
        "the subscription does not have {namespace} switched on",
        "az provider register --namespace {namespace} --wait",
        "ProviderError",
    ),
    Cause(
        r"(?i)QuotaExceeded|SubscriptionIsOverQuota|MaxNumberOf\w+Exceeded|exceed(?:s|ing)? (?:the "
        r")?(?:approved )?.{0,40}quota|current limit.*?additional required",
        "a quota of the subscription is used up in this region",
        "choose another clouds.azure.region, lower max_instances, or ask for more under Quotas in the portal",
    ),
    Cause(
        r"(?i)LocationNotAvailableForResourceType|LocationNotSupported|No available instances to satisfy this request",
        "the region does not offer this",
        "choose another clouds.azure.region (`az account list-locations -o table`)",
    ),
    Cause(
        r"(?i)ConflictError.*(?:deleted|recoverable) state|VaultAlreadyExists.*deleted|exist in deleted state|soft.?deleted",
        "a key vault of this name was deleted a short while ago and still has the name",
        "remove it for good with `az keyvault purge --name NAME`, or give the model another name",
    ),
    Cause(
        r"(?i)AlreadyInUse|StorageAccountAlreadyTaken|VaultAlreadyExists|name.{0,80}(?:already (?:taken|in "
        r"use|exists)|is not available)",
        "a name that must be unique in the world is taken",
        "say clouds.azure.subscription, which goes into the names, or give the model another name",
    ),
    Cause(
        r"(?i)RoleAssignmentExists",
        "the role is already assigned, under another name",
        "delete that assignment (`az role assignment list --scope SCOPE -o table`) and run the command again",
    ),
    Cause(
        r"(?i)PrincipalNotFound",
        "Azure has not made the new identity known everywhere yet",
        "run the command again: it goes on where it stopped",
    ),
    Cause(
        r"(?i)system topic.{0,80}(?:already|exist)|already has a system topic|SystemTopic.*Conflict",
        "the storage account has an Event Grid system topic already, and it can have only one",
        "delete that topic, or use an account of its own for the trigger",
    ),
    Cause(
        r"(?i)(?:UNAUTHORIZED|DENIED).{0,200}(?:manifest|pull|registry)|(?:pull|manifest|"
        r"registry).{0,200}(?:UNAUTHORIZED|\bDENIED\b)|ImagePullUnauthorized|ImagePullFailure",
        "the platform may not pull the image: its role on the registry is missing or not known everywhere yet",
        "wait some minutes and run the command again; the role is AcrPull on the deployment's registry",
    ),
    Cause(
        r"(?i)MANIFEST_UNKNOWN|manifest .{0,80}not found",
        "the image is not in the registry (any more)",
        "run the command again: it is built and pushed anew",
    ),
    Cause(
        r"(?i)OOMKilled|exit code:? ?'?137|OutOfMemory",
        "the container used more memory than it has",
        "raise resources.memory_mb",
    ),
    Cause(
        r"(?i)Deployment Progress Deadline Exceeded|(?:startup|readiness) probe failed|TargetPort .{0,60}does "
        r"not match|didn't respond to HTTP pings|container .{0,80}failed to start|ContainerTimeout",
        "the container did not answer on its port in time",
        "read `mldeploy logs`; raise clouds.azure.start_timeout_s or memory_mb; where the base image needs "
        "root or another port: clouds.azure.run_as_root, clouds.azure.port",
    ),
    Cause(
        r"(?i)revision with suffix|RevisionSuffix.{0,80}(?:exists|use)|ContainerAppInvalidRevisionSuffix",
        "a revision of this name exists with other contents",
        "change anything in the spec (a tag will not do; an env variable will) and run the command again",
    ),
    Cause(
        r"(?i)Unable to get value using Managed identity .{0,300}(?:secret|vault)|SecretNotFound",
        "the platform cannot read a secret: it is not in the vault, or the role is not known everywhere yet",
        "for a vault of your own give the identity 'Key Vault Secrets User' on it; then run the command again",
    ),
    Cause(
        r"(?i)cannot create already existing resource|ResourceGroupBeingDeleted|ResourceGroupExists",
        "something of this name is there already and is not in the record of this deployment",
        "run `mldeploy refresh`, or remove it in the portal, or give the model another name",
    ),
    Cause(r"(?i)\bTooManyRequests\b", "Azure is refusing calls for a while", "wait a minute and run the command again"),
)


def explained(text: str) -> tuple[str, str] | None:
    """Cause and fix of the first row that matches; None when there is none."""
    for row in CAUSES:
        match = re.search(row.pattern, text)
        if match is not None:
            groups = {name: value or "?" for name, value in match.groupdict().items()}
            return row.cause.format(**groups), row.fix.format(**groups)
    return None
