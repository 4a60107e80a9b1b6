"""The document in words: one PlannedResource for each thing that will exist and that a person may pay for or look for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mldeploy.plan import PlannedResource
from mldeploy.providers.azure.program.access import visibility

Document = Mapping[str, Any]


def resources(document: Document) -> Iterator[PlannedResource]:
    """In the order in which they come to be."""
    yield from _registry(document)
    yield from _service(document)
    yield from _watching(document)
    yield from _events(document)


def _registry(document: Document) -> Iterator[PlannedResource]:
    names = document["names"]
    kept = f"the last {document['keep_images']} images are kept" if document["keep_images"] else "images are kept until destroy"
    yield PlannedResource("resource group", names["group"], document["location"])
    yield PlannedResource("container registry", names["registry"], f"Basic · no admin user · {kept}", {"sku": "Basic"})
    yield PlannedResource(
        "managed identity", names["puller"], "may pull from this registry and read its vault; no password anywhere"
    )
    managed = sorted(name for name, address in document["secrets"].items() if not address)
    if managed:
        yield PlannedResource("key vault", names["vault"], f"secrets {', '.join(managed)}", {"secrets": len(managed)})


def _service(document: Document) -> Iterator[PlannedResource]:
    names = document["names"]
    counts = {"min_instances": document["min_instances"], "max_instances": document["max_instances"]}
    size = {"cpu": document["cpu"], "memory_mb": document["memory_mb"], **counts}
    days = document["log_retention_days"]
    yield PlannedResource("log workspace", names["workspace"], f"logs are kept {days} days", {"retention_days": days})
    yield PlannedResource("application insights", names["insights"], "in the same workspace; no keys, Entra only")
    keys = "its own keys allowed" if document["shared_keys"] else "no account keys"
    yield PlannedResource("storage account", names["storage"], f"for the Functions host · {keys}", {"sku": "Standard_LRS"})
    yield PlannedResource("managed identity", names["runtime"], "what the runtime is: its own storage, metrics; nothing else")
    bounds = f"{counts['min_instances']} to {counts['max_instances']} instances"
    scale = f"{document['cpu']:g} vCPU, {document['memory_mb']} MB · {bounds}"
    if document["plan"] == "premium":
        yield PlannedResource("elastic premium plan", names["plan"], f"{document['premium_size']} · {scale}", size)
        yield PlannedResource("function app", names["site"], "container, pinned by digest")
    else:
        yield PlannedResource("container apps environment", names["environment"], "consumption profile")
        requests = f"another one from {document['requests']} requests at once"
        yield PlannedResource("function container app", names["app"], f"{scale} · {requests}", size)
    yield PlannedResource(
        "endpoint", f"{document['model']} ({document['stage']})", visibility(document), {"access": document["access"]}
    )


def _watching(document: Document) -> Iterator[PlannedResource]:
    names, alarms, budget = document["names"], document["alarms"] or {}, document["budget"]
    told = f"e-mail to {alarms['email']}" if alarms.get("email") else "shown in the portal"
    if alarms.get("errors"):
        yield PlannedResource("alert", names["errors"], f"{alarms['errors']} or more failed requests in 5 minutes · {told}")
    if alarms.get("throttles") and document["plan"] != "premium":
        yield PlannedResource(
            "alert", names["throttles"], f"{alarms['throttles']} or more requests refused in 5 minutes · {told}"
        )
    if alarms.get("p95_ms"):
        yield PlannedResource(
            "alert", names["latency"], f"95th percentile over 5 minutes above {alarms['p95_ms']:g} ms · {told}"
        )
    if budget:
        yield PlannedResource(
            "budget",
            names["budget"],
            f"{budget['monthly_usd']:g} a month in the account's currency · {budget['email']} is told",
        )


def _events(document: Document) -> Iterator[PlannedResource]:
    trigger = document["trigger"]
    if trigger:
        where = f"{trigger['account']}/{trigger['container']}/{trigger['prefix']}*{trigger['suffix']}"
        results = f"{trigger['results_container']}/{trigger['results_prefix']}"
        detail = f"new blobs in {where}, through a queue · answers in {results}"
        yield PlannedResource("event grid trigger", document["names"]["events"], detail)
    if document["schedule"]:
        yield PlannedResource("schedule", document["schedule"], "seconds first, UTC · a timer inside the instance")
