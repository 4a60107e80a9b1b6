"""An identity that trusts GitHub, its custom role, the state's container (versions, no keys) and the key of its secrets.

    GitHub's token ─subject─▶ identity ─┬─ custom role on the subscription, under a condition
                                        ├─ this container: Storage Blob Data Contributor
                                        └─ this vault: Key Vault Crypto User

Exports the GitHub variables that a workflow reads. Container and key cannot be made again: the engine deletes neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_azure_native import authorization, keyvault, managedidentity, resources, storage

AUDIENCE = "api://AzureADTokenExchange"
CONTAINER, KEY = "state", "state"
KEPT_DAYS = 90
# Source: learn.microsoft.com/azure/role-based-access-control/built-in-roles, read 2026-11-21.
BLOB_CONTRIBUTOR, CRYPTO_USER = "ba92f5b4-2d11-453d-a403-e96b0029c9fe", "12338af0-0e69-4776-bea7-57ae8d297424"

Document = Mapping[str, Any]


def bootstrap(document: Document) -> None:
    """Declare everything."""
    group = resources.ResourceGroup(
        "group",
        resource_group_name=document["group"],
        location=document["location"],
        tags=document["tags"],
        opts=pulumi.ResourceOptions(retain_on_delete=True),
    )
    place: dict[str, Any] = {"resource_group_name": group.name, "location": document["location"], "tags": document["tags"]}
    identity = managedidentity.UserAssignedIdentity("deployer", resource_name_=document["identity"], **place)
    _credentials(document, group, identity)
    role = _role(document)
    container = _container(document, place)
    vault = _vault(document, place, identity)
    _grant(document, "deploy", role.id, document["scope"], identity, document["condition"])
    _grant(document, "state", _built_in(document, BLOB_CONTRIBUTOR), container.id, identity)
    _grant(document, "key", _built_in(document, CRYPTO_USER), vault.id, identity)
    pulumi.export("AZURE_CLIENT_ID", identity.client_id)
    pulumi.export("AZURE_TENANT_ID", identity.tenant_id)
    pulumi.export("AZURE_SUBSCRIPTION_ID", document["subscription"])
    pulumi.export("MLDEPLOY_STATE_AZURE", f"azblob://{CONTAINER}?storage_account={document['storage']}")
    pulumi.export("MLDEPLOY_SECRETS_PROVIDER_AZURE", f"azurekeyvault://{document['vault']}.vault.azure.net/keys/{KEY}")


def _credentials(document: Document, group: resources.ResourceGroup, identity: managedidentity.UserAssignedIdentity) -> None:
    """One after the other: Azure refuses two at once on one identity."""
    before: list[pulumi.Resource] = []
    for environment, subject in document["subjects"].items():
        before = [
            managedidentity.FederatedIdentityCredential(
                f"github-{environment}",
                federated_identity_credential_resource_name=f"github-{environment}",
                resource_group_name=group.name,
                resource_name_=identity.name,
                issuer=document["issuer"],
                subject=subject,
                audiences=[AUDIENCE],
                opts=pulumi.ResourceOptions(depends_on=before),
            )
        ]


def _role(document: Document) -> authorization.RoleDefinition:
    wanted = document["role"]
    return authorization.RoleDefinition(
        "role",
        role_definition_id=document["ids"]["role"],
        role_name=wanted["Name"],
        role_type="CustomRole",
        description=wanted["Description"],
        permissions=[{"actions": wanted["Actions"], "data_actions": wanted["DataActions"]}],
        assignable_scopes=wanted["AssignableScopes"],
        scope=document["scope"],
    )


def _built_in(document: Document, role: str) -> str:
    return f"{document['scope']}/providers/Microsoft.Authorization/roleDefinitions/{role}"


def _grant(
    document: Document,
    part: str,
    role: pulumi.Input[str],
    scope: pulumi.Input[str],
    identity: managedidentity.UserAssignedIdentity,
    condition: str = "",
) -> None:
    authorization.RoleAssignment(
        f"grant-{part}",
        role_assignment_name=document["ids"][part],
        role_definition_id=role,
        scope=scope,
        principal_id=identity.principal_id,
        principal_type="ServicePrincipal",
        condition=condition or None,
        condition_version="2.0" if condition else None,
        opts=pulumi.ResourceOptions(delete_before_replace=True),
    )


def _container(document: Document, place: Mapping[str, Any]) -> storage.BlobContainer:
    """No account key is accepted; what was overwritten or deleted can be had back. Azure encrypts it by itself."""
    kept = pulumi.ResourceOptions(retain_on_delete=True)
    account = storage.StorageAccount(
        "state",
        account_name=document["storage"],
        kind="StorageV2",
        sku={"name": "Standard_ZRS"},
        allow_blob_public_access=False,
        allow_shared_key_access=False,
        enable_https_traffic_only=True,
        minimum_tls_version="TLS1_2",
        **place,
        opts=kept,
    )
    deleted = {"enabled": True, "days": KEPT_DAYS}
    versions = storage.BlobServiceProperties(
        "versions",
        account_name=account.name,
        blob_services_name="default",
        resource_group_name=place["resource_group_name"],
        is_versioning_enabled=True,
        delete_retention_policy=deleted,
        container_delete_retention_policy=deleted,
    )
    return storage.BlobContainer(
        "container",
        account_name=account.name,
        container_name=CONTAINER,
        resource_group_name=place["resource_group_name"],
        public_access="None",
        opts=pulumi.ResourceOptions(retain_on_delete=True, depends_on=[versions]),
    )


def _vault(document: Document, place: Mapping[str, Any], identity: managedidentity.UserAssignedIdentity) -> keyvault.Vault:
    kept = pulumi.ResourceOptions(retain_on_delete=True)
    properties: Any = {
        "tenant_id": identity.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        "enable_rbac_authorization": True,
        "enable_soft_delete": True,
        "soft_delete_retention_in_days": KEPT_DAYS,
        "enable_purge_protection": True,
    }
    vault = keyvault.Vault("vault", vault_name=document["vault"], properties=properties, **place, opts=kept)
    keyvault.Key(
        "key",
        key_name=KEY,
        vault_name=vault.name,
        resource_group_name=place["resource_group_name"],
        properties={"kty": "RSA", "key_size": 3072, "key_ops": ["encrypt", "decrypt", "wrapKey", "unwrapKey"]},
        tags=document["tags"],
        opts=kept,
    )
    return vault
