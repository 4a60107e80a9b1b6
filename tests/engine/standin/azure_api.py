"""STAND-IN for the Azure REST endpoints that mldeploy's own client asks: tokens, resources, secrets, logs.

Every host lies below the one address: /management.azure.com/…, /<vault>.vault.azure.net/…, /api.loganalytics.io/…
"""

from __future__ import annotations

import datetime
import re
import secrets
import time
from typing import Any

from standin.personality import World
from standin.store import Record
from standin.web import Answer, Asked, Routes

ARM = "/management.azure.com"
SUBSCRIPTION = ARM + r"/subscriptions/(?P<subscription>[^/]+)"
VAULT = r"/(?P<vault>[^./]+)\.vault\.azure\.net/secrets/(?P<secret>[^/]+)"
LOCATIONS = ("northeurope", "westeurope", "swedencentral", "eastus")
NAMESPACES = (
    "App",
    "Web",
    "ContainerRegistry",
    "ManagedIdentity",
    "OperationalInsights",
    "Insights",
    "Storage",
    "KeyVault",
    "EventGrid",
    "Consumption",
)


class AzureApi:
    """Routes over one world."""

    def __init__(self, world: World, cloud: Any) -> None:
        self._world = world
        self._cloud = cloud

    def route(self, routes: Routes) -> None:
        """Add them; the general ones come last."""
        routes.add("GET", "/msi/token", self._token)
        routes.add("POST", r"/[^/]+/oauth2/exchange", self._exchange)
        routes.add("GET", VAULT, self._signed(self._read_secret))
        routes.add("PUT", VAULT, self._signed(self._write_secret))
        routes.add("POST", r"/api\.loganalytics\.io/v1/workspaces/(?P<workspace>[^/]+)/query", self._signed(self._query))
        routes.add("GET", SUBSCRIPTION, self._signed(self._subscription))
        routes.add("GET", SUBSCRIPTION + "/locations", self._signed(self._locations))
        routes.add("GET", SUBSCRIPTION + "/providers", self._signed(self._providers))
        routes.add("GET", SUBSCRIPTION + "/resources", self._signed(self._resources))
        deleted = SUBSCRIPTION + r"/providers/Microsoft\.KeyVault/locations/[^/]+/deletedVaults/(?P<vault>[^/]+)"
        routes.add("GET", deleted, self._signed(self._deleted_vault))
        routes.add("POST", deleted + "/purge", self._signed(self._purge))
        routes.add("GET", ARM + r"(?P<app>/.+)/revisions/(?P<revision>[^/]+)", self._signed(self._revision))
        routes.add("GET", ARM + r"(?P<id>/subscriptions/.+)", self._signed(self._resource))
        routes.add("DELETE", ARM + r"(?P<id>/subscriptions/.+)", self._signed(self._delete))

    def _signed(self, handler: Any) -> Any:
        def answer(asked: Asked) -> Answer:
            if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self._world.tokens:
                return _error(401, "InvalidAuthenticationToken", "The access token is invalid.")
            found = handler(asked)
            return found if isinstance(found, Answer) else Answer(found)

        return answer

    def _token(self, asked: Asked) -> Answer:
        """The managed identity of an App Service: how the real azure-identity gets a token without the internet."""
        token = f"e30.e30.{secrets.token_hex(8)}"
        self._world.tokens[token] = asked.query.get("resource", "")
        until = str(int(time.time()) + 3600)
        resource = asked.query.get("resource", "")
        return Answer({"access_token": token, "expires_on": until, "resource": resource, "token_type": "Bearer"})

    def _exchange(self, asked: Asked) -> Answer:
        """The registry takes whoever signs in; the local registry asks for nothing."""
        return Answer({"refresh_token": secrets.token_hex(8)})

    # ── Resource Manager ────────────────────────────────────────────────────────────────────────────────────────────────

    def _subscription(self, asked: Asked) -> Any:
        scope = self._world.store.scope
        if asked.found["subscription"] != scope.subscription:
            return _error(404, "SubscriptionNotFound", f"The subscription '{asked.found['subscription']}' could not be found.")
        return {"subscriptionId": scope.subscription, "tenantId": scope.tenant, "state": "Enabled", "displayName": "tests"}

    def _locations(self, asked: Asked) -> Any:
        return {"value": [{"name": name} for name in LOCATIONS]}

    def _providers(self, asked: Asked) -> Any:
        return {"value": [{"namespace": f"Microsoft.{name}", "registrationState": "Registered"} for name in NAMESPACES]}

    def _resources(self, asked: Asked) -> Any:
        tagged = [record for record in self._world.store.of("") if record.inputs.get("tags")]
        return {"value": [_body(record) for record in tagged if "/providers/" in record.physical_id]}

    def _find(self, physical_id: str) -> Record | None:
        wanted = physical_id.lower()
        return next((record for record in self._world.store.of("") if record.physical_id.lower() == wanted), None)

    def _resource(self, asked: Asked) -> Any:
        record = self._find(asked.found["id"])
        if record is None:
            return _error(404, "ResourceNotFound", f"The Resource '{asked.found['id']}' was not found.")
        return _body(record)

    def _delete(self, asked: Asked) -> Any:
        record = self._find(asked.found["id"])
        if record is None:
            return Answer(b"", 204)
        self._world.store.delete(record.token, record.physical_id)
        self._cloud.removed(record)
        return {}

    def _revision(self, asked: Asked) -> Any:
        service = self._world.services.find(asked.found["app"])
        found = [each for each in service.revisions if each.name == asked.found["revision"]] if service else []
        if not found:
            return _error(404, "RevisionNotFound", "The revision was not found.")
        state = {"active": True, "runningState": "Running", "healthState": "Healthy", "replicas": 1}
        return {"name": found[0].name, "properties": {**state, "provisioningState": "Provisioned"}}

    # ── key vault ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _deleted_vault(self, asked: Asked) -> Any:
        vault = asked.found["vault"]
        return {"name": vault} if vault in self._cloud.deleted_vaults else _error(404, "DeletedVaultNotFound", vault)

    def _purge(self, asked: Asked) -> Any:
        self._cloud.deleted_vaults.discard(asked.found["vault"])
        return {}

    def _has_vault(self, name: str) -> bool:
        return any(record.physical_id.endswith(f"/vaults/{name}") for record in self._world.store.of(":Vault"))

    def _read_secret(self, asked: Asked) -> Any:
        values = self._world.secrets.get(f"{asked.found['vault']}/{asked.found['secret']}")
        if not values or not self._has_vault(asked.found["vault"]):
            return _error(404, "SecretNotFound", f"A secret with (name/id) {asked.found['secret']} was not found")
        return {"value": values[-1], "id": f"https://{asked.found['vault']}.vault.azure.net/secrets/{asked.found['secret']}"}

    def _write_secret(self, asked: Asked) -> Any:
        if not self._has_vault(asked.found["vault"]):
            return _error(404, "VaultNotFound", f"{asked.found['vault']} was not found")
        self._world.secrets.setdefault(f"{asked.found['vault']}/{asked.found['secret']}", []).append(asked.json()["value"])
        return {"value": asked.json()["value"]}

    # ── logs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _query(self, asked: Asked) -> Any:
        """Log Analytics, of its language as much as mldeploy asks: an app, an age, a time, the newest."""
        text = asked.json()["query"]
        rows = self._rows(_first(r"App == '([^']+)'", text))
        age = _first(r"ago\(([\d.]+)s\)", text)
        if age:
            oldest = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=float(age))).isoformat()
            rows = [row for row in rows if row[0] >= oldest]
        after = _first(r"ingestion_time\(\) > datetime\(([^)]+)\)", text)
        rows = [row for row in rows if row[1] > after]
        newest = _first(r"top (\d+) by", text)
        if newest:
            rows = rows[::-1][: int(newest)]
        columns = [{"name": name} for name in ("At", "Taken", "Line")]
        return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]}

    def _rows(self, app: str) -> list[list[str]]:
        services = [service for service in self._world.services.all().values() if service.name == app]
        revisions = [revision for service in services for revision in service.revisions if revision.running]
        return sorted(
            [stamp, stamp, line]
            for revision in revisions
            for stamp, line in (revision.running.lines() if revision.running else ())
        )


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""


def _body(record: Record) -> dict[str, Any]:
    shown = {name: record.outputs.get(name) for name in ("name", "type", "location", "tags")}
    return {"id": record.physical_id, **shown, "properties": {"provisioningState": "Succeeded"}}


def _error(status: int, code: str, message: str) -> Answer:
    return Answer({"error": {"code": code, "message": message}}, status)
