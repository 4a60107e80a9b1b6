"""Program `registry`: what has to be there before an image can be pushed and a secret stored.

The identity `puller` is what the platform pulls images and reads secrets with; granting it here gives Azure the time of the
image build to make the roles known everywhere.
"""

from __future__ import annotations

import base64
from typing import Any

import pulumi
from pulumi_azure_native import containerregistry, keyvault, managedidentity, resources

from mldeploy.providers.azure.program.arm import Document, common, grant

SOFT_DELETE_DAYS = 7
PURGE_SCHEDULE = "0 4 * * 0"


def registry(document: Document) -> None:
    """Exports where to push and the vault's address."""
    names = document["names"]
    group = resources.ResourceGroup(
        "group", resource_group_name=names["group"], location=document["location"], tags=dict(document["tags"])
    )
    inside = pulumi.ResourceOptions(depends_on=[group])
    images = containerregistry.Registry(
        "registry",
        registry_name=names["registry"],
        sku={"name": "Basic"},
        admin_user_enabled=False,
        anonymous_pull_enabled=False,
        **common(document),
        opts=inside,
    )
    puller = managedidentity.UserAssignedIdentity("puller", resource_name_=names["puller"], **common(document), opts=inside)
    grant("pull", document, "AcrPull", images.id, puller.principal_id)
    if document["keep_images"]:
        _purge(document, images)
    if not all(document["secrets"].values()):
        _vault(document, puller, group)
    pulumi.export("repository", images.login_server.apply(lambda server: f"{server}/{names['repository']}"))
    pulumi.export("login_server", images.login_server)
    pulumi.export("group", group.name)


def _vault(document: Document, puller: managedidentity.UserAssignedIdentity, group: resources.ResourceGroup) -> None:
    """Secrets go in past the engine, so that no record of it has their values."""
    properties: Any = {
        "tenant_id": puller.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        "enable_rbac_authorization": True,
        "enable_soft_delete": True,
        "soft_delete_retention_in_days": SOFT_DELETE_DAYS,
    }
    vault = keyvault.Vault(
        "vault",
        vault_name=document["names"]["vault"],
        properties=properties,
        **common(document),
        opts=pulumi.ResourceOptions(depends_on=[group]),
    )
    grant("read-secrets", document, "Key Vault Secrets User", vault.id, puller.principal_id)
    pulumi.export("vault", vault.name)


def _purge(document: Document, images: containerregistry.Registry) -> None:
    """A Basic registry has no retention rule of its own; a weekly task of it deletes all but the newest images."""
    names = document["names"]
    command = f"acr purge --filter '{names['repository']}:.*' --ago 0d --keep {document['keep_images']} --untagged"
    steps = f"version: v1.1.0\nsteps:\n  - cmd: {command}\n    timeout: 3600\n"
    containerregistry.Task(
        "purge",
        task_name=names["purge"],
        registry_name=images.name,
        platform={"os": "Linux", "architecture": "amd64"},
        agent_configuration={"cpu": 2},
        step=containerregistry.EncodedTaskStepArgs(
            type="EncodedTask", encoded_task_content=base64.b64encode(steps.encode()).decode()
        ),
        trigger={"timer_triggers": [{"name": "weekly", "schedule": PURGE_SCHEDULE, "status": "Enabled"}]},
        status="Enabled",
        **common(document),
    )
