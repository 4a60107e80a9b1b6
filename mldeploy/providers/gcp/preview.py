"""The planned resources as a person reads them in `preview`, from the program's document. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mldeploy.plan import PlannedResource


def resources(document: Mapping[str, Any]) -> Iterator[PlannedResource]:
    """One line for each thing that a person would recognise in the console; grants and APIs are counted."""
    project, region = document["project"] or "no project yet", document["region"]
    container = document["container"]
    size = {"memory_mb": container["memory_mb"], "cpu": container["cpu"], "min_instances": container["min_instances"]}
    is_image = document["build"] == "image"
    yield PlannedResource("APIs", project, ", ".join(name.partition(".")[0] for name in document["apis"]))
    yield PlannedResource(
        "Artifact Registry repository",
        document["repository"]["id"],
        f"{region} · tags never change · untagged images are deleted",
    )
    for role, account in document["accounts"].items():
        if account:
            yield PlannedResource("service account", account, _ACCOUNTS[role])
    for name, secret in document["secrets"].items():
        yield PlannedResource("secret", secret, f"{name} · in {region} · read by the runtime's account only")
    for name, ref in document["secret_refs"].items():
        yield PlannedResource("secret (yours)", f"{ref['project']}/{ref['secret']}", f"{name} · version {ref['version']}")
    kind = "Cloud Run service" if is_image else "Cloud Run function"
    yield PlannedResource(kind, document["name"], " · ".join(_facts(document)), size)
    yield PlannedResource("access", document["access"], _access(document))
    yield from _extras(document)


_ACCOUNTS = {
    "runtime": "what the service runs as: its own secrets and buckets, nothing else",
    "caller": "calls the service for the trigger and the schedule",
    "builder": "builds the function from its source",
}


def _facts(document: Mapping[str, Any]) -> Iterator[str]:
    container = document["container"]
    yield document["region"]
    yield f"{container['memory_mb']} MiB"
    yield f"{container['cpu']} vCPU{', always on' if container['cpu_always_on'] else ''}"
    yield f"{container['min_instances']} to {container['max_instances']} instances"
    yield f"concurrency {container['concurrency']}"
    yield f"{container['timeout_s']} s"
    yield container["environment"].rpartition("_")[2].lower()
    if document["build"] == "source":
        yield "built by Google from the rendered source; all traffic moves at once"


def _access(document: Mapping[str, Any]) -> str:
    members = ", ".join(document["invokers"])
    listed = f" · {members or 'no member is listed'}" if document["access"] == "private" else ""
    return f"{document['visibility']}{listed}"


def _extras(document: Mapping[str, Any]) -> Iterator[PlannedResource]:
    alarms, budget, trigger, schedule = (document[key] for key in ("alarms", "budget", "trigger", "schedule"))
    if alarms:
        limits = {"errors": "5xx in 5 min", "throttles": "429 in 5 min", "p95_ms": "ms p95"}
        facts = [f"{alarms[key]:g} {unit}" for key, unit in limits.items() if alarms[key] is not None]
        yield PlannedResource("alert policies", document["name"], " · ".join([*facts, alarms["email"] or "nobody is told"]))
    if budget:
        yield PlannedResource("budget", document["name"], f"{budget['monthly_usd']:g} USD a month · {budget['email']}")
    if trigger:
        results = f"{trigger['results_bucket']}/{trigger['results_prefix']}"
        yield PlannedResource("Eventarc trigger", trigger["name"], f"objects of {trigger['bucket']} → {results}")
    if schedule:
        yield PlannedResource("Scheduler job", schedule["name"], f"{schedule['cron']} ({schedule['timezone']})")
