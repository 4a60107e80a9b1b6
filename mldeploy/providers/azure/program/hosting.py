"""What the Functions host needs whatever it runs on: a storage account reached without keys, and its settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_azure_native import managedidentity
from pulumi_azure_native import storage as storing

from mldeploy.providers.azure.program import events
from mldeploy.providers.azure.program.arm import Document, common, grant

if TYPE_CHECKING:
    from mldeploy.providers.azure.program.watching import Logs

HOST_ROLES = ("Storage Blob Data Owner", "Storage Queue Data Contributor", "Storage Table Data Contributor")


@dataclass(frozen=True)
class Storage:
    """The host's account, and the roles that must be there before the host starts."""

    account: storing.StorageAccount
    grants: tuple[pulumi.Resource, ...]


@dataclass(frozen=True)
class Ground:
    """What both ways of serving stand on."""

    runtime: managedidentity.UserAssignedIdentity
    logs: Logs
    storage: Storage


@dataclass(frozen=True)
class Served:
    """The resource that answers, and the outputs that say where."""

    resource: pulumi.CustomResource
    outputs: Mapping[str, pulumi.Input[Any]]


def storage(document: Document, runtime: managedidentity.UserAssignedIdentity) -> Storage:
    """The account of the Functions host (locks, keys, queues). Nothing of the user's is in it."""
    account = storing.StorageAccount(
        "storage",
        account_name=document["names"]["storage"],
        kind="StorageV2",
        sku={"name": "Standard_LRS"},
        allow_shared_key_access=document["shared_keys"],
        allow_blob_public_access=False,
        enable_https_traffic_only=True,
        minimum_tls_version="TLS1_2",
        default_to_o_auth_authentication=True,
        **common(document),
    )
    grants: list[pulumi.Resource] = [
        grant(role.lower().replace(" ", "-"), document, role, account.id, runtime.principal_id) for role in HOST_ROLES
    ]
    if document["trigger"]:
        grants += events.subscribe(document, runtime, account, grants[:])
    return Storage(account, tuple(grants))


def identities(puller: str, runtime: managedidentity.UserAssignedIdentity) -> Any:
    """Both identities, for an app. The list is known once the runtime's identity exists: Azure gives a map back for it."""
    listed = pulumi.Output.all(runtime.id, runtime.principal_id).apply(lambda known: [puller, known[0]])
    return {"type": "UserAssigned", "user_assigned_identities": listed}


def settings(document: Document, client_id: pulumi.Input[str], connection: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    """The container's environment: the host's variables over the runtime's own. No secret is in it: the connection string
    names a workspace that takes nothing without Entra."""
    values: dict[str, pulumi.Input[str]] = {
        **document["environment"],
        "FUNCTIONS_EXTENSION_VERSION": "~4",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage__accountName": document["names"]["storage"],
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": client_id,
        "AZURE_CLIENT_ID": client_id,
        "APPLICATIONINSIGHTS_CONNECTION_STRING": connection,
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": _entra(client_id),
    }
    if document["schedule"]:
        values["MLDEPLOY_SCHEDULE"] = document["schedule"]
        values["MLDEPLOY_SCHEDULE_BODY"] = json.dumps({"inputs": document["schedule_inputs"]}, sort_keys=True)
    return {**values, **events.settings(document)}


def _entra(client_id: pulumi.Input[str]) -> pulumi.Input[str]:
    if isinstance(client_id, str):
        return f"Authorization=AAD;ClientId={client_id}"
    return pulumi.Output.concat("Authorization=AAD;ClientId=", client_id)
