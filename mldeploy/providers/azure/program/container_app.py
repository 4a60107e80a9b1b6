"""Functions on Container Apps: an environment and one app whose every release is a revision.

    live given:  Multiple revisions   live ── 100 %    new ── 0 %, label "candidate" with an address of its own
    else:        Single revision      new ── 100 %     (the platform takes the others out of service)

Settled, there is one active revision: an older one with a replica left would run timers and queues a second time, and cost.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native import app, monitor

from mldeploy.providers.azure.program import events
from mldeploy.providers.azure.program.access import sign_in, visibility
from mldeploy.providers.azure.program.arm import Document, common, resource_id
from mldeploy.providers.azure.program.hosting import Ground, Served, identities, settings

READY_PATH = "/v2/health/ready"
LIVE_PATH = "/v2/health/live"
PROBE_PERIOD_S = 10
PROBE_TIMEOUT_S = 5
LOG_CATEGORIES = ("ContainerAppConsoleLogs", "ContainerAppSystemLogs")
CANDIDATE = "candidate"


def serve(document: Document, ground: Ground) -> Served:
    """The environment, its logs, and the app."""
    environment = app.ManagedEnvironment(
        "environment",
        environment_name=document["names"]["environment"],
        app_logs_configuration={"destination": "azure-monitor"},
        workload_profiles=[{"name": "Consumption", "workload_profile_type": "Consumption"}],
        vnet_configuration=_network(document),
        **common(document),
    )
    monitor.DiagnosticSetting(
        "logs",
        name=document["names"]["logs"],
        resource_uri=environment.id,
        workspace_id=ground.logs.workspace.id,
        logs=[{"category": category, "enabled": True} for category in LOG_CATEGORIES],
    )
    served = _app(document, ground, environment)
    if document["access"] == "private" and document["private"] == "entra":
        app.ContainerAppsAuthConfig(
            "sign-in",
            auth_config_name="current",
            container_app_name=served.name,
            resource_group_name=document["names"]["group"],
            platform={"enabled": True},
            **sign_in(document, (READY_PATH, LIVE_PATH)),
        )
    return Served(served, _outputs(document, environment.default_domain))


def _app(document: Document, ground: Ground, environment: app.ManagedEnvironment) -> app.ContainerApp:
    puller = resource_id(document, "Microsoft.ManagedIdentity/userAssignedIdentities", "puller")
    return app.ContainerApp(
        "app",
        container_app_name=document["names"]["app"],
        kind="functionapp",
        environment_id=environment.id,
        workload_profile_name="Consumption",
        identity=identities(puller, ground.runtime),
        configuration={
            "active_revisions_mode": "Multiple" if live(document) else "Single",
            "max_inactive_revisions": 10,
            "ingress": {
                # Outside the environment; with `private: internal` the environment itself is only inside the subnet.
                "external": True,
                "target_port": document["port"],
                "transport": "auto",
                "allow_insecure": False,
                "traffic": traffic(document),
            },
            "registries": [{"server": document["image"].split("/")[0], "identity": puller}],
            "secrets": _secrets(document, puller),
            # Code in the container gets no token of the identity that pulls images and reads secrets.
            "identity_settings": [
                {"identity": puller, "lifecycle": "None"},
                {"identity": ground.runtime.id, "lifecycle": "All"},
            ],
        },
        template=template(document, ground),
        **common(document),
        opts=pulumi.ResourceOptions(depends_on=list(ground.storage.grants)),
    )


def is_internal(document: Document) -> bool:
    """Whether nothing outside the subnet reaches it."""
    return bool(document["access"] == "private" and document["private"] == "internal")


def _network(document: Document) -> Any:
    """The user's own subnet, where one is given."""
    if not document["subnet"]:
        return None
    return {"infrastructure_subnet_id": document["subnet"], "internal": is_internal(document)}


def revision(document: Document, release: str = "") -> str:
    """The suffix of a release's revision, by default this one's. A release is another one as soon as anything differs, which
    is what the platform wants of a new suffix."""
    return f"r{release or document['release']}"


def live(document: Document) -> str:
    """The release that all traffic stays on, "" for none; a release is no candidate of itself."""
    return "" if document["live"] == document["release"] else str(document["live"])


def traffic(document: Document) -> Any:
    """Always declared: what is left out would be the platform's choice."""
    name, kept = document["names"]["app"], live(document)
    if not kept:
        return [{"latest_revision": True, "weight": 100}]
    return [
        {"revision_name": f"{name}--{revision(document, kept)}", "weight": 100},
        {"revision_name": f"{name}--{revision(document)}", "weight": 0, "label": CANDIDATE},
    ]


def template(document: Document, ground: Ground) -> Any:
    """The revision's template: all that makes a new revision when it changes."""
    values = settings(document, ground.runtime.client_id, ground.logs.insights.connection_string)
    # By name, so that a document with its keys in another order (an ejected one) makes the same revision.
    environment = [{"name": name, "value": values[name]} for name in sorted(values)]
    http = {"name": "http", "http": {"metadata": {"concurrentRequests": str(document["requests"])}}}
    references = [{"name": name, "secret_ref": _secret(name)} for name in sorted(document["secrets"])]
    return {
        "revision_suffix": revision(document),
        "containers": [
            {
                "name": "functions",
                "image": document["image"],
                "env": [*environment, *references],
                "resources": {"cpu": document["cpu"], "memory": f"{document['memory_mb'] / 1024:g}Gi"},
                "probes": _probes(document),
            }
        ],
        "scale": {
            "min_replicas": document["min_instances"],
            "max_replicas": document["max_instances"],
            "rules": [http, *events.scale_rules(document, ground.runtime.id)],
        },
    }


def _probes(document: Document) -> Any:
    """Started when the host listens, ready when the model is loaded, dead when the host answers nothing."""
    port, tries = document["port"], max(1, document["start_timeout_s"] // PROBE_PERIOD_S)
    every = {"period_seconds": PROBE_PERIOD_S, "timeout_seconds": PROBE_TIMEOUT_S}
    return [
        {"type": "Startup", "tcp_socket": {"port": port}, "failure_threshold": tries, **every},
        {"type": "Readiness", "http_get": {"path": READY_PATH, "port": port}, "failure_threshold": tries, **every},
        {"type": "Liveness", "http_get": {"path": LIVE_PATH, "port": port}, "failure_threshold": 3, **every},
    ]


def _secret(variable: str) -> str:
    return variable.lower().replace("_", "-")


def _secrets(document: Document, identity: str) -> Any:
    """References only; the platform reads the values with `identity`."""
    own = f"https://{document['names']['vault']}.vault.azure.net/secrets/"
    return [
        {"name": _secret(name), "key_vault_url": address or own + _secret(name), "identity": identity}
        for name, address in sorted(document["secrets"].items())
    ]


def _outputs(document: Document, domain: pulumi.Output[str]) -> dict[str, Any]:
    name = document["names"]["app"]
    kept = live(document)
    outputs: dict[str, Any] = {
        "url": pulumi.Output.concat("https://", name, ".", domain),
        "visibility": visibility(document),
        "release": kept or document["release"],
        "app": name,
    }
    if kept:
        outputs["candidate_url"] = pulumi.Output.concat("https://", name, "---", CANDIDATE, ".", domain)
    return outputs
