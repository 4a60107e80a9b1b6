"""STAND-IN for the Google REST endpoints that mldeploy's own client asks: tokens, secrets, logs, what is left."""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any

from standin.personality import World
from standin.store import Record
from standin.web import Answer, Asked, Routes


class GcpApi:
    """Routes over one world."""

    def __init__(self, world: World, cloud: Any) -> None:
        self._world = world
        self._cloud = cloud

    def route(self, routes: Routes) -> None:
        """Add them."""
        routes.add("POST", "/token", self._token)
        routes.add("GET", r"/v1/projects/(?P<project>[^/:]+)", self._project)
        routes.add("GET", r"/v3/projects/(?P<project>[^/:]+)", self._project)
        routes.add("POST", r"/v1/projects/(?P<project>[^/]+)/secrets/(?P<secret>[^/:]+):addVersion", self._add_version)
        routes.add(
            "GET", r"/v1/projects/(?P<project>[^/]+)/secrets/(?P<secret>[^/]+)/versions/(?P<version>\w+):access", self._access
        )
        routes.add("POST", "/v2/entries:list", self._entries)

    def _token(self, asked: Asked) -> Answer:
        """The OAuth endpoint of a service account's key file: an access token, or an ID token when an audience is asked."""
        from urllib.parse import parse_qs

        assertion = parse_qs(asked.body.decode()).get("assertion", ["a.e30.b"])[0]
        payload = assertion.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        body = base64.urlsafe_b64encode(
            json.dumps({"aud": claims.get("target_audience", ""), "exp": int(time.time()) + 3600}).encode()
        )
        token = f"e30.{body.decode().rstrip('=')}.{secrets.token_hex(8)}"
        self._world.tokens[token] = claims.get("iss", "")
        if "target_audience" in claims:
            return Answer({"id_token": token})
        return Answer({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def _is_known(self, asked: Asked) -> bool:
        return asked.headers.get("authorization", "").removeprefix("Bearer ") in self._world.tokens

    def _project(self, asked: Asked) -> Answer:
        project = asked.found["project"]
        if project != self._world.store.scope.project:
            return Answer({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": f"no access to {project}"}}, 403)
        number = self._cloud.project_number
        return Answer({"projectId": project, "projectNumber": number, "lifecycleState": "ACTIVE", "name": f"projects/{number}"})

    def _add_version(self, asked: Asked) -> Answer:
        secret = asked.found["secret"]
        if not any(record.physical_id.endswith(f"/secrets/{secret}") for record in self._world.store.of("secret:Secret")):
            return _missing(f"Secret [{secret}] not found")
        values = self._world.secrets.setdefault(secret, [])
        values.append(base64.b64decode(asked.json()["payload"]["data"]).decode())
        name = f"projects/{asked.found['project']}/secrets/{secret}/versions/{len(values)}"
        return Answer({"name": name, "state": "ENABLED"})

    def _access(self, asked: Asked) -> Answer:
        values = self._world.secrets.get(asked.found["secret"])
        if not values:
            return _missing(f"Secret [{asked.found['secret']}] not found or has no versions")
        version = asked.found["version"]
        value = values[-1] if version == "latest" else values[int(version) - 1]
        number = len(values) if version == "latest" else version
        name = f"projects/{asked.found['project']}/secrets/{asked.found['secret']}/versions/{number}"
        return Answer({"name": name, "payload": {"data": base64.b64encode(value.encode()).decode()}})

    def _entries(self, asked: Asked) -> Answer:
        """Cloud Logging: the containers' own lines, oldest first unless asked otherwise."""
        entries = []
        for service in self._world.services.all().values():
            for revision in service.revisions:
                for stamp, line in revision.running.lines() if revision.running else ():
                    entries.append(_entry(stamp, line, service.name, revision.name))
        entries.sort(key=lambda entry: str(entry["timestamp"]))
        if "desc" in asked.json().get("orderBy", ""):
            entries.reverse()
        return Answer({"entries": entries[: int(asked.json().get("pageSize") or 1000)]})


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


def _missing(message: str) -> Answer:
    return Answer({"error": {"code": 404, "status": "NOT_FOUND", "message": message}}, 404)


__all__ = ["GcpApi", "Record"]
