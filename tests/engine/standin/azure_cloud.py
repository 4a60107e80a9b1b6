"""STAND-IN for Azure at run time: container apps that run, with revisions, labels and ingress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from standin.azure_api import AzureApi
from standin.containers import Workload
from standin.gcp_cloud import megabytes
from standin.kind import guid
from standin.personality import DOMAIN, World
from standin.revisions import Service, Share
from standin.store import ConflictError, Record
from standin.web import Answer, Asked, Routes

APP = ":ContainerApp"
ENVIRONMENT = ":ManagedEnvironment"
VAULT = ":Vault"


class AzureCloud:
    """What differs from the other stand-in."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.deleted_vaults: set[str] = set()
        """A deleted key vault keeps its name until it is purged."""

    def domain(self, environment: str) -> str:
        """The default domain of a Container Apps environment."""
        for record in self._world.store.of(ENVIRONMENT):
            if record.physical_id == environment:
                return f"{record.inputs.get('location', '')}.azurecontainerapps.{DOMAIN}".lower().replace(" ", "")
        return f"unknown.azurecontainerapps.{DOMAIN}"

    def settle(self, record: Record) -> Mapping[str, Any]:
        """Run an app; an environment gets its domain."""
        if record.token.endswith(ENVIRONMENT):
            location = str(record.inputs.get("location", "")).lower().replace(" ", "")
            return {"defaultDomain": f"{location}.azurecontainerapps.{DOMAIN}:{self._world.door}"}
        if record.token.endswith(VAULT) and record.inputs["vaultName"] in self.deleted_vaults:
            raise ConflictError(
                f'Code="ConflictError" Message="A vault of this name exists in deleted state: {record.physical_id}"'
            )
        if not record.token.endswith(APP):
            return {}
        ingress = (record.inputs.get("configuration") or {}).get("ingress") or {}
        traffic = [_share(each) for each in ingress.get("traffic") or [{"latestRevision": True, "weight": 100}]]
        template = record.inputs["template"]
        name = record.physical_id.rsplit("/", 1)[1]
        suffix = template.get("revisionSuffix")
        service = self._world.deploy(
            record, template, lambda revision: self._workload(record, revision), traffic, f"{name}--{suffix}" if suffix else ""
        )
        return self._outputs(record, service)

    def _environment_of(self, record: Record) -> str:
        return str(record.inputs.get("environmentId") or record.inputs.get("managedEnvironmentId") or "")

    def _outputs(self, record: Record, service: Service) -> Mapping[str, Any]:
        domain = self.domain(self._environment_of(record))
        configuration = record.inputs.get("configuration") or {}
        ingress = configuration.get("ingress") or {}
        kind = "" if ingress.get("external") else "internal."
        shown = {**ingress, "fqdn": f"{service.name}.{kind}{domain}:{self._world.door}"}
        latest = service.latest.name
        return {
            "configuration": {**configuration, "ingress": shown},
            "latestRevisionName": latest,
            "latestReadyRevisionName": latest,
            "latestRevisionFqdn": f"{latest}.{kind}{domain}:{self._world.door}",
            "provisioningState": "Succeeded",
            "runningStatus": "Running",
        }

    def _workload(self, record: Record, revision: str) -> Workload:
        configuration = record.inputs.get("configuration") or {}
        container = record.inputs["template"]["containers"][0]
        kept = {entry["name"]: self._secret(entry) for entry in configuration.get("secrets") or []}
        environment = {
            entry["name"]: kept[entry["secretRef"]] if entry.get("secretRef") else str(entry.get("value") or "")
            for entry in container.get("env") or []
        }
        host = self._world.options.get("functions_host") or {}
        return Workload(
            image=container["image"],
            port=int((configuration.get("ingress") or {}).get("targetPort") or 80),
            environment={
                **host.get("environment", {}),
                **environment,
                "CONTAINER_APP_NAME": revision.partition("--")[0],
                "CONTAINER_APP_REVISION": revision,
            },
            memory_mb=megabytes((container.get("resources") or {}).get("memory", "1Gi")),
            entrypoint=container.get("command") or host.get("entrypoint") or (),
            command=container.get("args") or host.get("command") or (),
            mounts=host.get("mounts") or {},
        )

    def _secret(self, entry: Mapping[str, Any]) -> str:
        address = entry.get("keyVaultUrl")
        if not address:
            return str(entry.get("value") or "")
        vault, _, name = address.removeprefix("https://").partition("/secrets/")
        values = self._world.secrets.get(f"{vault.partition('.')[0]}/{name.partition('/')[0]}") or [""]
        return values[-1]

    def removed(self, record: Record) -> None:
        """A container app stops, a vault keeps its name; what lies in something goes with it."""
        self._world.services.remove(record.physical_id)
        if record.token.endswith(VAULT):
            self.deleted_vaults.add(record.inputs["vaultName"])
        for inner in self._world.store.of(""):
            if inner.physical_id.startswith(f"{record.physical_id}/"):
                self._world.store.delete(inner.token, inner.physical_id)
                self.removed(inner)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The provider's look-ups."""
        scope = self._world.store.scope
        name = token.rsplit(":", 1)[1]
        if name == "getClientConfig":
            return {
                "subscriptionId": scope.subscription,
                "tenantId": scope.tenant,
                "objectId": guid("caller"),
                "clientId": guid("client"),
            }
        if name == "getSharedKeys":
            return {"primarySharedKey": "c3RhbmRpbg==", "secondarySharedKey": "c3RhbmRpbg=="}
        if name == "listStorageAccountKeys":
            return {"keys": [{"keyName": "key1", "value": "c3RhbmRpbg=="}]}
        return {}

    def route(self, routes: Routes) -> None:
        """REST endpoints."""
        AzureApi(self._world, self).route(routes)

    def visit(self, host: str, asked: Asked) -> Answer:
        """The front door: an app's name, a label (app---label) or a revision's name, then the environment's domain."""
        first, _, domain = host.partition(".")
        for record in self._world.store.of(APP):
            service = self._world.services.find(record.physical_id)
            ingress = (record.inputs.get("configuration") or {}).get("ingress") or {}
            if service is None or domain != self.domain(self._environment_of(record)) or not ingress.get("external"):
                continue
            app, _, label = first.partition("---")
            revision = next((each for each in service.revisions if each.name == first), None)
            revision = revision or (service.serving(label) if app == service.name else None)
            if revision:
                return self._pass_on(revision, asked)
        return Answer(b"Error 404 - This Container App is stopped or does not exist.", 404)

    def _pass_on(self, revision: Any, asked: Asked) -> Answer:
        headers = {name: value for name, value in asked.headers.items() if name not in ("host", "connection")}
        status, found, body = self._world.services.running(revision).request(asked.method, asked.target, headers, asked.body)
        kept = {
            name: value for name, value in found if name.lower() not in ("content-length", "connection", "transfer-encoding")
        }
        return Answer(body, status, kept)


def _share(traffic: Mapping[str, Any]) -> Share:
    revision = "" if traffic.get("latestRevision") else str(traffic.get("revisionName") or "")
    return Share(revision, int(traffic.get("weight") or 0), traffic.get("label") or "")
