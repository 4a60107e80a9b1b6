"""STAND-IN for Google Cloud at run time: Cloud Run services that run, with revisions, tags and the invoker check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from standin.containers import Workload
from standin.gcp_api import GcpApi
from standin.kind import number
from standin.personality import DOMAIN, World
from standin.revisions import Service, Share
from standin.store import Record
from standin.web import Answer, Asked, Routes

SERVICE = "cloudrunv2/service:Service"
INVOKER = "cloudrunv2/serviceIamMember:ServiceIamMember"
LATEST = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
FORBIDDEN = b"<html><head><title>403 Forbidden</title></head><body><h1>Error: Forbidden</h1></body></html>"


def megabytes(text: str) -> int:
    """ "512Mi" -> 512"""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(Mi|Gi|M|G)", text)
    if not found:
        return 512
    return int(float(found[1]) * (1024 if found[2].startswith("G") else 1))


class GcpCloud:
    """What differs from the other stand-in."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def project_number(self) -> str:
        """Google gives every project one."""
        return number(self._world.store.scope.project)

    def host(self, record: Record, tag: str = "") -> str:
        """The deterministic host name of a Cloud Run service; a tag is put before it."""
        name, region = record.physical_id.rsplit("/", 1)[1], record.physical_id.split("/")[3]
        return f"{tag}---{name}-{self.project_number}.{region}.run.{DOMAIN}".removeprefix("---")

    def settle(self, record: Record) -> Mapping[str, Any]:
        """Run a service; everything else is only remembered."""
        if not record.token.endswith(SERVICE):
            return {}
        traffic = [_share(each) for each in record.inputs.get("traffics") or [{"type": LATEST, "percent": 100}]]
        template = record.inputs["template"]
        service = self._world.deploy(
            record, template, lambda revision: self._workload(record, revision), traffic, template.get("revision") or ""
        )
        return self._outputs(record, service)

    def _outputs(self, record: Record, service: Service) -> Mapping[str, Any]:
        def url(tag: str = "") -> str:
            return f"https://{self.host(record, tag)}:{self._world.door}"

        statuses = [
            {"type": _kind(share), "revision": _name(service, share), "percent": share.percent, "tag": share.tag}
            | ({"uri": url(share.tag)} if share.tag else {})
            for share in service.traffic
        ]
        latest = f"{record.physical_id}/revisions/{service.latest.name}"
        return {
            "uri": url(),
            "urls": [url()],
            "uid": number(record.physical_id),
            "generation": str(len(service.revisions)),
            "latestReadyRevision": latest,
            "latestCreatedRevision": latest,
            "trafficStatuses": statuses,
        }

    def _workload(self, record: Record, revision: str) -> Workload:
        container = record.inputs["template"]["containers"][0]
        port = int((container.get("ports") or {}).get("containerPort") or 8080)
        environment = {entry["name"]: self._value(entry) for entry in container.get("envs") or []}
        name = record.physical_id.rsplit("/", 1)[1]
        limits = (container.get("resources") or {}).get("limits") or {}
        return Workload(
            image=container["image"],
            port=port,
            environment={**environment, "PORT": str(port), "K_SERVICE": name, "K_REVISION": revision, "K_CONFIGURATION": name},
            memory_mb=megabytes(limits.get("memory", "512Mi")),
            entrypoint=container.get("commands") or (),
            command=container.get("args") or (),
        )

    def _value(self, entry: Mapping[str, Any]) -> str:
        reference = (entry.get("valueSource") or {}).get("secretKeyRef")
        if not reference:
            return str(entry.get("value") or "")
        secret = reference["secret"].rsplit("/", 1)[-1]
        values = self._world.secrets.get(secret) or [""]
        version = reference.get("version") or "latest"
        return values[-1] if version == "latest" else values[int(version) - 1]

    def removed(self, record: Record) -> None:
        """A service stops, a secret's values go, and so do grants on what is gone."""
        self._world.services.remove(record.physical_id)
        if record.token.endswith("secret:Secret"):
            self._world.secrets.pop(record.physical_id.rsplit("/", 1)[1], None)
        for granted in self._world.store.of("Member"):
            if granted.physical_id.startswith(f"{record.physical_id} "):
                self._world.store.delete(granted.token, granted.physical_id)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The provider's look-ups."""
        project = self._world.store.scope.project
        if token.endswith(":getProject"):
            return {
                "projectId": arguments.get("projectId") or project,
                "number": self.project_number,
                "id": f"projects/{project}",
            }
        if token.endswith(":getClientConfig"):
            return {"project": project, "region": self._world.store.scope.region, "accessToken": "standin"}
        if token.endswith(":getProjectServiceAccount"):
            email = f"service-{self.project_number}@gs-project-accounts.iam.gserviceaccount.com"
            return {"emailAddress": email, "member": f"serviceAccount:{email}"}
        return {}

    def route(self, routes: Routes) -> None:
        """REST endpoints."""
        GcpApi(self._world, self).route(routes)

    def visit(self, host: str, asked: Asked) -> Answer:
        """The front door: which service, whether the caller may, and its answer."""
        for record in self._world.store.of(SERVICE):
            service = self._world.services.find(record.physical_id)
            for tag in {"", *(share.tag for share in (service.traffic if service else ()))}:
                if service and host == self.host(record, tag):
                    return self._pass_on(record, service, tag, asked)
        return Answer(b"<html><title>Error 404 (Page not found)</title></html>", 404)

    def _pass_on(self, record: Record, service: Service, tag: str, asked: Asked) -> Answer:
        if (
            not self._is_open(record)
            and asked.headers.get("authorization", "").removeprefix("Bearer ") not in self._world.tokens
        ):
            return Answer(FORBIDDEN, 403, {"content-type": "text/html"})
        revision = service.serving(tag)
        if revision is None:
            return Answer(b"", 404)
        headers = {name: value for name, value in asked.headers.items() if name not in ("host", "connection")}
        headers["forwarded"] = 'for="192.0.2.1";proto=https'
        status, found, body = self._world.services.running(revision).request(asked.method, asked.target, headers, asked.body)
        kept = {
            name: value for name, value in found if name.lower() not in ("content-length", "connection", "transfer-encoding")
        }
        return Answer(body, status, kept)

    def _is_open(self, record: Record) -> bool:
        if record.inputs.get("invokerIamDisabled"):
            return True
        members = [each for each in self._world.store.of(INVOKER) if each.physical_id.startswith(f"{record.physical_id} ")]
        return any(
            each.inputs.get("member") == "allUsers" and each.inputs.get("role") == "roles/run.invoker" for each in members
        )


def _share(traffic: Mapping[str, Any]) -> Share:
    revision = "" if traffic.get("type") == LATEST else str(traffic.get("revision") or "")
    return Share(revision.rsplit("/", 1)[-1], int(traffic.get("percent") or 0), traffic.get("tag") or "")


def _kind(share: Share) -> str:
    return "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION" if share.revision else LATEST


def _name(service: Service, share: Share) -> str:
    found = service.of_share(share)
    return found.name if found else ""
