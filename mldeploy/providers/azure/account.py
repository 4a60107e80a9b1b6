"""Whether this caller may deploy there: credentials, subscription, tenant, region, and services that must be switched on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mldeploy.errors import ProviderError
from mldeploy.providers.azure.client import AzureClient

SUBSCRIPTIONS_API = "2022-12-01"
PROVIDERS_API = "2021-04-01"
NO_SUBSCRIPTION = "set clouds.azure.subscription, or export AZURE_SUBSCRIPTION_ID=$(az account show --query id -o tsv)"
_ALWAYS = (
    "Microsoft.ContainerRegistry",
    "Microsoft.ManagedIdentity",
    "Microsoft.OperationalInsights",
    "Microsoft.Insights",
    "Microsoft.Storage",
)


def verify(client: AzureClient, document: Mapping[str, Any]) -> None:
    """Raises ProviderError with what is wrong and what to do; everything that is switched off is named at once."""
    subscription = document["subscription"]
    if not subscription:
        raise ProviderError("no Azure subscription is named", NO_SUBSCRIPTION)
    found = client.get(f"/subscriptions/{subscription}", SUBSCRIPTIONS_API)
    if found is None:
        raise ProviderError(
            f"this sign-in does not know subscription {subscription}", "check it against `az account list -o table`"
        )
    if found.get("state", "Enabled") != "Enabled":
        raise ProviderError(
            f"subscription {subscription} is {found['state']}", "enable it, or name another with clouds.azure.subscription"
        )
    if document["tenant"] and found.get("tenantId", document["tenant"]).lower() != document["tenant"].lower():
        raise ProviderError(
            f"subscription {subscription} belongs to tenant {found['tenantId']}, not {document['tenant']}",
            "correct clouds.azure.tenant",
        )
    _region(client, document)
    missing = list(unregistered(client, subscription, needed(document)))
    if missing:
        commands = " && ".join(f"az provider register --namespace {name} --wait" for name in missing)
        raise ProviderError(f"the subscription does not have {', '.join(missing)} switched on", commands)


def needed(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The resource providers that the programs use."""
    extra = ["Microsoft.Web" if document["plan"] == "premium" else "Microsoft.App"]
    extra += ["Microsoft.KeyVault"] if not all(document["secrets"].values()) else []
    extra += ["Microsoft.EventGrid"] if document["trigger"] else []
    extra += ["Microsoft.Consumption"] if document["budget"] else []
    return (*_ALWAYS, *extra)


def unregistered(client: AzureClient, subscription: str, namespaces: tuple[str, ...]) -> Iterator[str]:
    """Those of `namespaces` that the subscription does not have registered."""
    states = {
        str(each["namespace"]).lower(): each.get("registrationState")
        for each in client.listed(f"/subscriptions/{subscription}/providers", PROVIDERS_API)
    }
    yield from (name for name in namespaces if states.get(name.lower(), "NotRegistered") not in ("Registered", "Registering"))


def _region(client: AzureClient, document: Mapping[str, Any]) -> None:
    known = [
        str(each["name"]) for each in client.listed(f"/subscriptions/{document['subscription']}/locations", SUBSCRIPTIONS_API)
    ]
    if known and document["location"] not in known:
        from mldeploy.errors import closest

        meant = closest(document["location"], known)
        fix = f"did you mean {meant}?" if meant else "`az account list-locations -o table` has them"
        raise ProviderError(f"this subscription has no region {document['location']} (clouds.azure.region)", fix)
