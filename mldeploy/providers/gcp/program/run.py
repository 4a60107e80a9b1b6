"""The Cloud Run service from our image. Traffic is always declared, revision by revision, never "the latest".

live = ""          new revision 100 %
live = old         old revision 100 %, new revision 0 % with the tag `candidate`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pulumi
from pulumi_gcp import cloudrunv2

from mldeploy.providers.gcp.program.accounts import Document, email
from mldeploy.providers.gcp.program.served import Served

TAG = "candidate"
READY, LIVE = "/v2/health/ready", "/v2/health/live"
INGRESS = {"all": "INGRESS_TRAFFIC_ALL", "internal": "INGRESS_TRAFFIC_INTERNAL_ONLY"}
_BY_REVISION = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"


def run_service(document: Document) -> Served:
    """Declare the service."""
    name, container = document["name"], document["container"]
    release = document["release"]
    live = document["live"] or release
    service = cloudrunv2.Service(
        "service",
        name=name,
        location=document["region"],
        project=document["project"],
        labels=document["labels"],
        ingress=INGRESS[document["ingress"]],
        deletion_protection=False,
        # Of the whole service: a candidate without traffic keeps no instance warm.
        scaling={"min_instance_count": container["min_instances"]},
        template=_template(document, release),
        traffics=[*_traffic(name, live, release)],
    )
    tagged = pulumi.Output.all(service.traffic_statuses, service.uri).apply(lambda found: candidate_url(*found))
    candidate = service.uri if live == release else tagged
    return Served(service.name, service.uri, candidate, live, f"{name}-{live}", service)


def _traffic(name: str, live: str, release: str) -> Iterator[Any]:
    yield {"type": _BY_REVISION, "revision": f"{name}-{live}", "percent": 100}
    if live != release:
        yield {"type": _BY_REVISION, "revision": f"{name}-{release}", "percent": 0, "tag": TAG}


def _template(document: Document, release: str) -> Any:
    """A revision, which cannot be changed afterwards: its name holds the release, which covers the whole document. What changes
    here for the same document needs a new `FORMAT` of the document, too."""
    container = document["container"]
    volumes: dict[str, Any] = {}
    if container["ephemeral_mb"]:
        memory = {"medium": "MEMORY", "size_limit": f"{container['ephemeral_mb']}Mi"}
        volumes = {"volumes": [{"name": "tmp", "empty_dir": memory}]}
    return {
        "revision": f"{document['name']}-{release}",
        "containers": [_container(document)],
        "service_account": email(document, "runtime"),
        "max_instance_request_concurrency": container["concurrency"],
        "timeout": f"{container['timeout_s']}s",
        "execution_environment": container["environment"],
        "scaling": {"max_instance_count": container["max_instances"]},
        "labels": document["labels"],
        **volumes,
    }


def _container(document: Document) -> dict[str, Any]:
    container = document["container"]
    mounts = {"volume_mounts": [{"name": "tmp", "mount_path": "/tmp"}]} if container["ephemeral_mb"] else {}  # noqa: S108
    return {
        "image": document["image"],
        "ports": {"container_port": container["port"]},
        "envs": _environment(document),
        "resources": {
            "limits": {"cpu": container["cpu"], "memory": f"{container['memory_mb']}Mi"},
            "cpu_idle": not container["cpu_always_on"],
            "startup_cpu_boost": container["cpu_boost"],
        },
        "startup_probe": _probe(READY, container["port"], 1, container["start_timeout_s"]),
        "liveness_probe": _probe(LIVE, container["port"], 60, 3),
        **mounts,
    }


def _probe(path: str, port: int, period_s: int, failures: int) -> dict[str, Any]:
    return {
        "http_get": {"path": path, "port": port},
        "period_seconds": period_s,
        "timeout_seconds": min(period_s, 5),
        "failure_threshold": failures,
    }


def _environment(document: Document) -> list[dict[str, Any]]:
    """Variables in plain, then secrets by reference: Cloud Run reads those when an instance starts."""
    plain = [{"name": name, "value": value} for name, value in sorted(document["environment"].items())]
    return [*plain, *(_secret(name, path, version) for name, path, version in secret_paths(document))]


def _secret(name: str, path: str, version: str) -> dict[str, Any]:
    return {"name": name, "value_source": {"secret_key_ref": {"secret": path, "version": version}}}


def secret_paths(document: Document) -> Iterator[tuple[str, str, str]]:
    """Variable, the secret's full name, version."""
    for name, secret_id in sorted(document["secrets"].items()):
        yield name, f"projects/{document['project']}/secrets/{secret_id}", "latest"
    for name, ref in sorted(document["secret_refs"].items()):
        yield name, f"projects/{ref['project']}/secrets/{ref['secret']}", ref["version"]


def candidate_url(statuses: Sequence[Any] | None, uri: str | None) -> str:
    """Where Cloud Run says that the tag is, else where a tag always is."""
    for status in statuses or ():
        found = status if isinstance(status, dict) else {"tag": status.tag, "uri": status.uri}
        if found.get("tag") == TAG and found.get("uri"):
            return str(found["uri"])
    scheme, separator, host = (uri or "").partition("://")
    return f"{scheme}{separator}{TAG}---{host}" if separator else ""
