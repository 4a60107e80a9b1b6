"""The planned resources as a person reads them in `preview`, from the program's document. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mldeploy.plan import PlannedResource

_ENDPOINTS = {"url": "function URL", "http_api": "HTTP API", "none": "Invoke API"}


def resources(document: Mapping[str, Any]) -> Iterator[PlannedResource]:
    """One line for each thing that a person would recognise in the console."""
    names, region = document["names"], document["region"]
    said = f"{region} · tags never change · scanned on push · untagged images are deleted"
    yield PlannedResource("ECR repository", names["repository"], said)
    managed, references = document["secrets"]["managed"], document["secrets"]["references"]
    if managed:
        yield PlannedResource("secret", names["secret"], f"{', '.join(managed)} · read by the function alone")
    for name, arn in references.items():
        yield PlannedResource("secret (yours)", f"{name}", f"{arn} · read only")
    yield PlannedResource("IAM role", names["role"], _may(document))
    yield PlannedResource("log group", names["log_group"], f"kept {document['log_retention_days']} days")
    function = document["function"]
    size = {key: function[key] for key in ("memory_mb", "provisioned_concurrency", "reserved_concurrency")}
    yield PlannedResource("Lambda function", names["function"], " · ".join(_facts(function)), size)
    yield PlannedResource("endpoint", _ENDPOINTS[document["endpoint"]], document["visibility"])
    yield from _extras(document)


def _may(document: Mapping[str, Any]) -> str:
    found = ["writes its own log"]
    if document["secrets"]["managed"] or document["secrets"]["references"]:
        found.append("reads its own secrets")
    trigger = document["trigger"]
    if trigger:
        found.append(f"reads s3://{trigger['bucket']}/{trigger['prefix']}*")
        found.append(f"writes s3://{trigger['results_bucket']}/{trigger['results_prefix']}*")
    if document["function"]["tracing"]:
        found.append("writes traces")
    return " · ".join(found)


def _facts(function: Mapping[str, Any]) -> Iterator[str]:
    yield function["architecture"]
    yield f"{function['memory_mb']} MB, {function['memory_mb'] / 1769:.2g} vCPU"
    yield f"{function['timeout_s']} s at most"
    yield f"{function['ephemeral_mb']} MB of /tmp"
    yield "one request at a time in each environment"
    warm, most = function["provisioned_concurrency"], function["reserved_concurrency"]
    yield f"{warm} kept warm (billed while idle)" if warm else "scales to zero"
    yield "at most the account's quota" if most is None else f"at most {most} environments"


def _extras(document: Mapping[str, Any]) -> Iterator[PlannedResource]:
    names, trigger, schedule = document["names"], document["trigger"], document["schedule"]
    alarms, budget = document["alarms"], document["budget"]
    if trigger:
        filters = f"{trigger['prefix']}*{trigger['suffix']}"
        answers = f"s3://{trigger['results_bucket']}/{trigger['results_prefix']}<key>.json"
        said = f"new objects {filters} ─▶ {answers} · owns all of the bucket's notifications"
        yield PlannedResource("S3 notification", trigger["bucket"], said)
    if schedule:
        yield PlannedResource("schedule", names["schedule"], f"{schedule['expression']} · {schedule['timezone']}")
    if alarms:
        rings = [f"{key} {alarms[key]:g}" for key in ("errors", "throttles", "p95_ms") if alarms[key] is not None]
        told = alarms["email"] or "shown in the console only"
        yield PlannedResource("alarms", names["alarm_errors"], f"{', '.join(rings)} within 5 minutes · {told}")
    if budget:
        said = f"{budget['monthly_usd']:g} USD a month · {budget['email']} · counts once the tag `deployment` is activated"
        yield PlannedResource("budget", names["budget"], said)
