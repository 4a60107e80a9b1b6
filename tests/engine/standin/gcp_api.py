"""STAND-IN for the Google REST endpoints that mldeploy's own client asks: tokens, secrets, logs, what is there.

Each service lies below its own name: /run/v2/…, /secretmanager/v1/…, /logging/v2/…
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote

from standin.personality import World
from standin.web import Answer, Asked, Routes

SECRET = r"/secretmanager/v1/projects/(?P<project>[^/]+)/secrets/(?P<secret>[^/:]+)"
REGIONS = ("europe-west1", "europe-west4", "us-central1")
LISTS = {
    "secrets": ("secret:Secret", "labels"),
    "alertPolicies": ("alertPolicy:AlertPolicy", "userLabels"),
    "notificationChannels": ("notificationChannel:NotificationChannel", "userLabels"),
    "budgets": ("budget:Budget", "labels"),
}


class GcpApi:
    """Routes over one world."""

    def __init__(self, world: World, cloud: Any) -> None:
        self._world = world
        self._cloud = cloud

    def route(self, routes: Routes) -> None:
        """Add them; the general ones come last."""
        routes.add("POST", "/token", self._token)
        routes.add("GET", r"/cloudresourcemanager/v1/projects/(?P<project>[^/:]+)", self._signed(self._project))
        routes.add("GET", r"/run/v1/projects/[^/]+/locations", self._signed(self._locations))
        routes.add("POST", SECRET + ":addVersion", self._signed(self._add_version))
        routes.add("GET", SECRET + r"/versions/(?P<version>\w+):access", self._signed(self._access))
        routes.add("POST", "/logging/v2/entries:list", self._signed(self._entries))
        kinds = "|".join(LISTS)
        routes.add("GET", rf"/\w+/v\d/(projects|billingAccounts)/[^/]+/(?P<list>{kinds})", self._signed(self._list))
        routes.add("GET", r"/storage/storage/v1/b/(?P<id>[^/]+)", self._signed(self._resource))
        routes.add("GET", r"/\w+/v\d/(?P<id>.+)", self._signed(self._resource))

    def _signed(self, handler: Callable[[Asked], Any]) -> Callable[[Asked], Answer]:
        def answer(asked: Asked) -> Answer:
            if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self._world.tokens:
                return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
            found = handler(asked)
            return found if isinstance(found, Answer) else Answer(found)

        return answer

    def _token(self, asked: Asked) -> Answer:
        """The OAuth endpoint of a service account's key file: an access token, or an ID token where an audience is asked."""
        assertion = parse_qs(asked.body.decode()).get("assertion", ["a.e30.b"])[0]
        payload = assertion.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        told = {"aud": claims.get("target_audience", ""), "exp": int(time.time()) + 3600}
        body = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
        token = f"e30.{body}.{secrets.token_hex(8)}"
        self._world.tokens[token] = claims.get("iss", "")
        if "target_audience" in claims:
            return Answer({"id_token": token})
        return Answer({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    # ── what is there ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _project(self, asked: Asked) -> Any:
        project = asked.found["project"]
        if project != self._world.store.scope.project:
            return _error(403, "PERMISSION_DENIED", "The caller does not have permission")
        return {"projectId": project, "projectNumber": self._cloud.project_number, "lifecycleState": "ACTIVE"}

    def _locations(self, asked: Asked) -> Any:
        return {"locations": [{"locationId": region} for region in REGIONS]}

    def _resource(self, asked: Asked) -> Any:
        wanted = unquote(asked.found["id"])
        for record in self._world.store.of(""):
            if record.physical_id == wanted:
                condition = {"state": "CONDITION_SUCCEEDED", "type": "Ready"}
                return {"name": wanted, "labels": record.inputs.get("labels", {}), "terminalCondition": condition}
        return _error(404, "NOT_FOUND", f"Resource '{wanted}' was not found")

    def _list(self, asked: Asked) -> Any:
        token, labels = LISTS[asked.found["list"]]
        wanted = re.search(r'labels\.(\w+)="?([^"\s]+)"?', asked.query.get("filter", ""))
        found = [
            {"name": record.physical_id, "displayName": record.inputs.get("displayName", "")}
            for record in self._world.store.of(token)
            if not wanted or (record.inputs.get(labels) or {}).get(wanted[1]) == wanted[2]
        ]
        return {asked.found["list"]: found}

    # ── secrets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _add_version(self, asked: Asked) -> Any:
        secret = asked.found["secret"]
        if not any(record.physical_id.endswith(f"/secrets/{secret}") for record in self._world.store.of("secret:Secret")):
            return _error(404, "NOT_FOUND", f"Secret [{secret}] not found")
        values = self._world.secrets.setdefault(secret, [])
        values.append(base64.b64decode(asked.json()["payload"]["data"]).decode())
        return {"name": f"projects/{asked.found['project']}/secrets/{secret}/versions/{len(values)}", "state": "ENABLED"}

    def _access(self, asked: Asked) -> Any:
        values = self._world.secrets.get(asked.found["secret"])
        if not values:
            return _error(404, "NOT_FOUND", f"Secret [{asked.found['secret']}] not found or has no versions")
        version = asked.found["version"]
        number = len(values) if version == "latest" else int(version)
        name = f"projects/{asked.found['project']}/secrets/{asked.found['secret']}/versions/{number}"
        return {"name": name, "payload": {"data": base64.b64encode(values[number - 1].encode()).decode()}}

    # ── logs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _entries(self, asked: Asked) -> Any:
        """Cloud Logging, of its language as much as mldeploy asks: a service and the oldest time."""
        document = asked.json()
        service = re.search(r'service_name="([^"]+)"', document["filter"])
        since = re.search(r'timestamp>="([^"+]+)', document["filter"])
        entries = [
            entry
            for entry in self._lines(service[1] if service else "")
            if not since or str(entry["timestamp"]).rstrip("Z") >= since[1]
        ]
        entries.sort(key=lambda entry: str(entry["timestamp"]), reverse="desc" in document.get("orderBy", ""))
        return {"entries": entries[: int(document.get("pageSize") or 1000)]}

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        for service in self._world.services.all().values():
            for revision in service.revisions if service.name == name else ():
                for stamp, line in revision.running.lines() if revision.running else ():
                    yield _entry(stamp, line, service.name, revision.name)


def _entry(stamp: str, line: str, service: str, revision: str) -> dict[str, Any]:
    resource = {"type": "cloud_run_revision", "labels": {"service_name": service, "revision_name": revision}}
    entry: dict[str, Any] = {"timestamp": stamp, "resource": resource, "insertId": f"{stamp}{revision}"}
    try:
        payload = json.loads(line)
    except ValueError:
        payload = None
    if isinstance(payload, dict):
        return {**entry, "jsonPayload": payload, "severity": payload.get("severity", "DEFAULT")}
    return {**entry, "textPayload": line, "severity": "DEFAULT"}


def _error(status: int, code: str, message: str) -> Answer:
    return Answer({"error": {"code": status, "status": code, "message": message}}, status)
