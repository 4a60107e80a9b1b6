"""The JSON document that the Pulumi programs read: names, sizes, switches. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from mldeploy.providers.aws import cron, references
from mldeploy.providers.aws.names import names_of, tags_of
from mldeploy.providers.aws.recipe import COMMAND
from mldeploy.providers.aws.settings import AwsSettings
from mldeploy.providers.aws.sizing import Sizing
from mldeploy.spec.loaded import LoadedSpec

VISIBILITY = {
    ("private", "url"): "private: callers sign with AWS credentials (SigV4, IAM)",
    ("private", "http_api"): "private: callers sign with AWS credentials (SigV4, IAM)",
    ("private", "none"): "private: no endpoint, only Lambda's Invoke API (IAM)",
    ("key", "url"): "open to the internet, callers need the key",
    ("key", "http_api"): "open to the internet, callers need the key",
    ("public", "url"): "PUBLIC: anyone may call it",
    ("public", "http_api"): "PUBLIC: anyone may call it",
}


def document(
    loaded: LoadedSpec,
    settings: AwsSettings,
    size: Sizing,
    fingerprint: str,
    environment: Mapping[str, str],
    secrets: Mapping[str, str],
) -> dict[str, Any]:
    """Everything that the programs need, and nothing that exists only once something is deployed."""
    names = names_of(loaded.spec.name, loaded.stage, settings.region)
    managed, given = references.split(secrets)
    return {
        "name": loaded.spec.name,
        "stage": loaded.stage,
        "region": settings.region,
        "account": settings.account,
        "partition": partition_of(settings.region),
        "domain": "amazonaws.com.cn" if settings.region.startswith("cn-") else "amazonaws.com",
        "names": names,
        "tags": tags_of(loaded, names["function"], fingerprint),
        "access": loaded.spec.access,
        "endpoint": settings.endpoint,
        "visibility": VISIBILITY.get((loaded.spec.access, settings.endpoint), VISIBILITY["private", "none"]),
        "function": {
            "memory_mb": size.memory_mb,
            "timeout_s": size.lambda_timeout_s,
            "ephemeral_mb": size.ephemeral_mb,
            "command": list(COMMAND),
            "architecture": size.architecture,
            "provisioned_concurrency": size.provisioned,
            "reserved_concurrency": size.reserved,
            "tracing": settings.tracing,
            "environment": dict(environment),
        },
        "log_retention_days": settings.log_retention_days,
        "secrets": {"managed": managed, "references": given},
        "trigger": _trigger(settings),
        "schedule": _schedule(settings),
        "alarms": _plain(settings.alarms),
        "budget": _plain(settings.budget),
        # What the stack driver fills in for the service.
        "image": "",
        "release": "",
        "live": "",
    }


def environment_of(
    loaded: LoadedSpec, settings: AwsSettings, size: Sizing, function_secret: str, secrets: Mapping[str, str]
) -> dict[str, str]:
    """The function's variables (handlers/config.py, entry/loading.py), over the user's own. No secret: names and ARNs."""
    serving = {
        "MLDEPLOY_STAGE": loaded.stage,
        "MLDEPLOY_ACCESS": loaded.spec.access,
        "MLDEPLOY_TIMEOUT_S": f"{size.timeout_s:g}",
        "MLDEPLOY_CONCURRENCY": "1",
    }
    if loaded.spec.image.engine != "auto":
        serving["MLDEPLOY_ENGINE"] = loaded.spec.image.engine
    managed, given = references.split(secrets)
    if managed:
        serving["MLDEPLOY_SECRETS_ARN"] = function_secret
    if given:
        serving["MLDEPLOY_SECRET_REFS"] = json.dumps(given, separators=(",", ":"), sort_keys=True)
    trigger = _trigger(settings)
    if trigger is not None:
        serving["MLDEPLOY_RESULTS_BUCKET"] = trigger["results_bucket"]
        serving["MLDEPLOY_RESULTS_PREFIX"] = trigger["results_prefix"]
    return {**loaded.spec.env, **serving}


def partition_of(region: str) -> str:
    """The part of AWS that a region belongs to, as ARNs name it."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rpartition("-")[0].rpartition("-")[0], "aws")


def _trigger(settings: AwsSettings) -> dict[str, str] | None:
    trigger = settings.trigger
    if trigger is None:
        return None
    return {
        "bucket": trigger.bucket,
        "prefix": trigger.prefix,
        "suffix": trigger.suffix,
        "results_bucket": trigger.results_bucket or trigger.bucket,
        "results_prefix": trigger.results_prefix,
    }


def _schedule(settings: AwsSettings) -> dict[str, Any] | None:
    schedule = settings.schedule
    if schedule is None:
        return None
    return {
        "expression": cron.expression(schedule.cron),
        "timezone": schedule.timezone,
        "inputs": schedule.inputs,
    }


def _plain(section: BaseModel | None) -> dict[str, Any] | None:
    return None if section is None else section.model_dump(mode="json")
