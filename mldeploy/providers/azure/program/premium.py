"""An Elastic Premium plan and its function app. There is no candidate: the new image takes the app's place."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native import web

from mldeploy.providers.azure.program.access import sign_in, visibility
from mldeploy.providers.azure.program.arm import Document, common, grant, resource_id
from mldeploy.providers.azure.program.hosting import Ground, Served, identities, settings

READY_PATH = "/v2/health/ready"


def serve(document: Document, ground: Ground) -> Served:
    """The plan, the app, and what goes with it."""
    plan = web.AppServicePlan(
        "plan",
        name=document["names"]["plan"],
        kind="elastic",
        reserved=True,
        sku={"name": document["premium_size"], "tier": "ElasticPremium", "capacity": document["min_instances"]},
        maximum_elastic_worker_count=document["max_instances"],
        zone_redundant=document["zone_redundant"],
        **common(document),
    )
    site = _site(document, ground, plan)
    if document["access"] == "private" and document["private"] == "entra":
        web.WebAppAuthSettingsV2(
            "sign-in",
            name=site.name,
            resource_group_name=document["names"]["group"],
            platform={"enabled": True},
            **sign_in(document, (READY_PATH,)),
        )
    outputs = {
        "url": pulumi.Output.concat("https://", site.default_host_name),
        "visibility": visibility(document),
        "release": document["release"],
        "app": document["names"]["site"],
    }
    return Served(site, outputs)


def _site(document: Document, ground: Ground, plan: web.AppServicePlan) -> web.WebApp:
    registry = resource_id(document, "Microsoft.ContainerRegistry/registries", "registry")
    pull = grant("pull-app", document, "AcrPull", registry, ground.runtime.principal_id)
    puller = resource_id(document, "Microsoft.ManagedIdentity/userAssignedIdentities", "puller")
    return web.WebApp(
        "site",
        name=document["names"]["site"],
        kind="functionapp,linux,container",
        server_farm_id=plan.id,
        reserved=True,
        https_only=True,
        client_affinity_enabled=False,
        public_network_access="Disabled" if is_closed(document) else "Enabled",
        identity=identities(puller, ground.runtime),
        key_vault_reference_identity=puller,
        site_config=_config(document, ground),
        **common(document),
        opts=pulumi.ResourceOptions(depends_on=[*ground.storage.grants, pull]),
    )


def _config(document: Document, ground: Ground) -> Any:
    return {
        "linux_fx_version": f"DOCKER|{document['image']}",
        "acr_use_managed_identity_creds": True,
        "acr_user_managed_identity_id": ground.runtime.client_id,
        "min_tls_version": "1.2",
        "ftps_state": "Disabled",
        "http20_enabled": True,
        "health_check_path": READY_PATH,
        "minimum_elastic_instance_count": document["min_instances"],
        "function_app_scale_limit": document["max_instances"],
        "app_settings": _app_settings(document, ground),
    }


def is_closed(document: Document) -> bool:
    """Whether the public network does not reach it."""
    return bool(document["access"] == "private" and document["private"] == "internal")


def has_keys(document: Document) -> bool:
    """Whether the host asks callers for a function key."""
    return bool(document["access"] == "key" or (document["access"] == "private" and document["private"] == "key"))


def _app_settings(document: Document, ground: Ground) -> Any:
    values = {
        **settings(document, ground.runtime.client_id, ground.logs.insights.connection_string),
        "WEBSITES_ENABLE_APP_SERVICE_STORAGE": "false",
        "MLDEPLOY_AZURE_AUTH_LEVEL": "function" if has_keys(document) else "anonymous",
        "WEBSITES_PORT": str(document["port"]),
        "WEBSITES_CONTAINER_START_TIME_LIMIT": str(document["start_timeout_s"]),
        **{name: f"@Microsoft.KeyVault(SecretUri={address})" for name, address in _secrets(document).items()},
    }
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def _secrets(document: Document) -> dict[str, str]:
    own = f"https://{document['names']['vault']}.vault.azure.net/secrets/"
    return {name: address or own + name.lower().replace("_", "-") for name, address in document["secrets"].items()}
