"""What is still there after destroy: the group, anything with this deployment's tags, a deleted vault that holds its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mldeploy.providers.azure.client import AzureClient
from mldeploy.providers.azure.vault import VAULTS_API, deleted_path

RESOURCES_API = "2021-04-01"
OWN = ("tool", "model", "stage")


def residue(client: AzureClient, document: Mapping[str, Any]) -> Iterator[str]:
    """One line for each thing, with the command that removes it. Raises ProviderError when Azure cannot be asked."""
    subscription, names = document["subscription"], document["names"]
    base = f"/subscriptions/{subscription}"
    group = client.get(f"{base}/resourceGroups/{names['group']}", RESOURCES_API)
    if group is not None:
        yield f"resource group {names['group']} (az group delete --name {names['group']})"
    wanted = {key: document["tags"][key] for key in OWN}
    for resource in client.listed(
        f"{base}/resources", RESOURCES_API, "$filter=tagName%20eq%20'tool'%20and%20tagValue%20eq%20'mldeploy'"
    ):
        tags = resource.get("tags") or {}
        if wanted.items() <= tags.items():
            yield f"{resource['type']} {resource['name']} (az resource delete --ids {resource['id']})"
    if client.get(deleted_path(subscription, document["location"], names["vault"]), VAULTS_API) is not None:
        yield f"deleted key vault {names['vault']}, which holds its name (az keyvault purge --name {names['vault']})"
