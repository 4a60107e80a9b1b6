"""The JSON document that the two programs read: physical names, sizes, switches. Pure; it holds no secret's value."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from mldeploy.providers.gcp import references
from mldeploy.providers.gcp.names import Names, names_of, secret_id
from mldeploy.providers.gcp.recipe import PORT, user_requirements
from mldeploy.providers.gcp.settings import GcpSettings
from mldeploy.providers.gcp.sizing import Sizing
from mldeploy.spec.loaded import LoadedSpec

LABEL_CHARS = 63
FINGERPRINT_CHARS = 12
FORMAT = 1  # of what the programs make of it: another one is another release
EVENT_PATH = "/events/objects"  # entry/events.py

_VISIBILITY = {
    "private": "private: only the IAM members that may invoke it",
    "key": "key: on the internet, every request needs the key",
    "public": "PUBLIC: anyone on the internet may call it",
}
_INTERNAL = "; reached only from inside the project's networks"
_ALWAYS = ("run", "artifactregistry", "iam", "secretmanager", "logging", "serviceusage")


def document(
    loaded: LoadedSpec,
    settings: GcpSettings,
    size: Sizing,
    fingerprint: str,
    environment: Mapping[str, str],
    secrets: Mapping[str, str],
) -> dict[str, Any]:
    """Everything that the programs need, as plain JSON values."""
    spec, project = loaded.spec, settings.project or ""
    names = names_of(spec.name, loaded.stage, project)
    managed = {name: secret_id(spec.name, loaded.stage, name) for name, ref in secrets.items() if references.is_managed(ref)}
    has_events = settings.trigger is not None or settings.schedule is not None
    return {
        "format": FORMAT,
        "project": project,
        "region": settings.region,
        "model": spec.name,
        "stage": loaded.stage,
        "name": names.service,
        "access": spec.access,
        "visibility": visibility(spec.access, settings.ingress),
        "build": settings.build,
        "labels": labels(loaded, names, fingerprint),
        "apis": _apis(settings),
        "repository": {"id": names.repository, "keep": settings.keep_images},
        "accounts": {
            "runtime": names.runtime,
            "caller": names.caller if has_events else "",
            "builder": names.builder if settings.build == "source" else "",
        },
        "source_bucket": names.source if settings.build == "source" else "",
        "secrets": managed,
        "secret_refs": _foreign(secrets, project),
        "container": _container(loaded, settings, size),
        "environment": dict(environment),
        "ingress": settings.ingress,
        "invokers": sorted(set(settings.invokers)),
        "log_severity": settings.log_severity,
        "alarms": settings.alarms.model_dump() if settings.alarms else None,
        "budget": _budget(settings),
        "user_requirements": user_requirements(loaded) if settings.build == "source" else "",
        "trigger": _trigger(settings, names),
        "schedule": _schedule(settings, names, size),
    }


def labels(loaded: LoadedSpec, names: Names, fingerprint: str) -> dict[str, str]:
    """On everything that takes labels. `deployment` alone tells this deployment from every other: a budget takes one label."""
    return {
        **loaded.spec.tags,
        "tool": "mldeploy",
        "model": loaded.spec.name[:LABEL_CHARS],
        "stage": loaded.stage[:LABEL_CHARS],
        "deployment": names.service,
        "fingerprint": fingerprint[:FINGERPRINT_CHARS],
    }


def visibility(access: str, ingress: str) -> str:
    """How the endpoint is reached, in one line."""
    return _VISIBILITY[access] + (_INTERNAL if ingress == "internal" else "")


def _apis(settings: GcpSettings) -> list[str]:
    """The APIs that this deployment uses, and no other."""
    wanted = set(_ALWAYS)
    if settings.build == "source":
        wanted |= {"cloudfunctions", "cloudbuild", "storage"}
    if settings.trigger is not None:
        wanted |= {"eventarc", "pubsub", "storage"}
    if settings.schedule is not None:
        wanted |= {"cloudscheduler"}
    if settings.alarms is not None or settings.budget is not None:
        wanted |= {"monitoring"}
    if settings.budget is not None:
        wanted |= {"billingbudgets"}
    return sorted(f"{name}.googleapis.com" for name in wanted)


def _foreign(secrets: Mapping[str, str], project: str) -> dict[str, dict[str, str]]:
    found = {name: references.parse(reference) for name, reference in secrets.items()}
    return {
        name: {"project": ref.project or project, "secret": ref.secret, "version": ref.version}
        for name, ref in found.items()
        if ref is not None
    }


def _container(loaded: LoadedSpec, settings: GcpSettings, size: Sizing) -> dict[str, Any]:
    return {
        "port": PORT,
        "memory_mb": size.memory_mb,
        "cpu": f"{size.cpu:g}" if size.cpu >= 1 else f"{round(size.cpu * 1000)}m",
        "cpu_always_on": settings.cpu_always_on,
        "cpu_boost": settings.cpu_boost,
        "environment": f"EXECUTION_ENVIRONMENT_{size.environment.upper()}",
        "concurrency": size.concurrency,
        "timeout_s": size.request_timeout_s,
        "start_timeout_s": settings.start_timeout_s,
        "ephemeral_mb": loaded.spec.resources.ephemeral_mb,
        "min_instances": size.min_instances,
        "max_instances": size.max_instances,
    }


def _budget(settings: GcpSettings) -> dict[str, Any] | None:
    if settings.budget is None:
        return None
    return {"billing_account": settings.billing_account or "", **settings.budget.model_dump()}


def _trigger(settings: GcpSettings, names: Names) -> dict[str, Any] | None:
    trigger = settings.trigger
    if trigger is None:
        return None
    return {
        "name": names.trigger,
        "function": names.events,
        "bucket": trigger.bucket,
        "location": trigger.location or settings.region,
        "path": EVENT_PATH,
        "results_bucket": trigger.results_bucket or trigger.bucket,
        "results_prefix": trigger.results_prefix,
    }


def _schedule(settings: GcpSettings, names: Names, size: Sizing) -> dict[str, Any] | None:
    schedule = settings.schedule
    if schedule is None:
        return None
    body = json.dumps({"inputs": schedule.inputs}, ensure_ascii=False, separators=(",", ":")).encode()
    return {
        "name": names.schedule,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "body": base64.b64encode(body).decode(),
        "deadline_s": max(15, min(1800, size.request_timeout_s)),
    }
