"""The deployment's key vault: values go in and come out here, past the engine, so that no record of it has them."""

from __future__ import annotations

from collections.abc import Mapping

from mldeploy.providers.azure.client import AzureClient, translated
from mldeploy.providers.azure.credentials import VAULT
from mldeploy.providers.azure.exchange import AzureError
from mldeploy.providers.azure.references import secret_name

SECRETS_API = "7.4"
VAULTS_API = "2023-07-01"


def read(client: AzureClient, vault: str, variable: str) -> str | None:
    """The value of a variable's secret, None when there is none. Raises ProviderError."""
    try:
        answer = client.send("GET", _address(vault, variable), scope=VAULT)
    except AzureError as error:
        if error.status == 404:
            return None
        raise translated(error) from error
    value = answer.json().get("value")
    return value if isinstance(value, str) else None


def store(client: AzureClient, vault: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """Write the values that differ; the names of those. Raises ProviderError."""
    changed = tuple(name for name, value in values.items() if read(client, vault, name) != value)
    for name in changed:
        try:
            client.send("PUT", _address(vault, name), {"value": values[name]}, scope=VAULT)
        except AzureError as error:
            raise translated(error) from error
    return changed


def remove(client: AzureClient, subscription: str, group: str, location: str, vault: str) -> bool:
    """Delete and purge the vault: its name would stay taken for days. False when there was none. Raises ProviderError."""
    own = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{vault}"
    was_there = client.get(own, VAULTS_API) is not None
    if was_there:
        client.act("DELETE", own, VAULTS_API)
    deleted = deleted_path(subscription, location, vault)
    was_deleted = client.get(deleted, VAULTS_API) is not None
    if was_deleted:
        client.act("POST", f"{deleted}/purge", VAULTS_API)
    return was_there or was_deleted


def deleted_path(subscription: str, location: str, vault: str) -> str:
    """Where Azure keeps a deleted vault until it is purged."""
    return f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{vault}"


def _address(vault: str, variable: str) -> str:
    return f"https://{vault}.vault.azure.net/secrets/{secret_name(variable)}?api-version={SECRETS_API}"
