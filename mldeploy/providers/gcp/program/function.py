"""The Cloud Run function from the rendered source: Google builds it, and all traffic goes to what was built last."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_gcp import cloudfunctionsv2

from mldeploy.providers.gcp.program.accounts import Document, email
from mldeploy.providers.gcp.program.quiet import BucketObject
from mldeploy.providers.gcp.program.run import secret_paths
from mldeploy.providers.gcp.program.served import Served

RUNTIME = "python313"
HTTP, CLOUD_EVENT = "http", "cloud_event"  # functions in the rendered main.py
OBJECT_CREATED = "google.cloud.storage.object.v1.finalized"
INGRESS = {"all": "ALLOW_ALL", "internal": "ALLOW_INTERNAL_ONLY"}


def function(document: Document) -> Served:
    """Declare the function that answers HTTP, and the one that takes events where there is a trigger."""
    source = BucketObject(
        "source",
        bucket=document["source_bucket"],
        name=f"{document['source_digest']}.zip",
        source=pulumi.FileAsset(document["source"]),
        content_type="application/zip",
    )
    made = _function(document, "function", document["name"], HTTP, source, INGRESS[document["ingress"]])
    if document["trigger"]:
        trigger = {
            "event_type": OBJECT_CREATED,
            "event_filters": [{"attribute": "bucket", "value": document["trigger"]["bucket"]}],
            "trigger_region": document["trigger"]["location"],
            "retry_policy": "RETRY_POLICY_RETRY",
            "service_account_email": email(document, "caller"),
        }
        _function(document, "events", document["trigger"]["function"], CLOUD_EVENT, source, "ALLOW_INTERNAL_ONLY", trigger)
    url = made.service_config.apply(lambda config: str((config and config.uri) or ""))
    return Served(made.name, url, url, document["release"], "", made)


def _function(
    document: Document,
    label: str,
    name: str,
    entry_point: str,
    source: BucketObject,
    ingress: str,
    trigger: Any = None,
) -> cloudfunctionsv2.Function:
    return cloudfunctionsv2.Function(
        label,
        name=name,
        location=document["region"],
        project=document["project"],
        labels=document["labels"],
        build_config=_build(document, entry_point, source),
        service_config=_service(document, ingress),
        event_trigger=trigger,
    )


def _build(document: Document, entry_point: str, source: BucketObject) -> Any:
    project, region = document["project"], document["region"]
    return {
        "runtime": RUNTIME,
        "entry_point": entry_point,
        "source": {"storage_source": {"bucket": source.bucket, "object": source.name}},
        "docker_repository": f"projects/{project}/locations/{region}/repositories/{document['repository']['id']}",
        "service_account": f"projects/{project}/serviceAccounts/{email(document, 'builder')}",
    }


def _service(document: Document, ingress: str) -> Any:
    container = document["container"]
    return {
        "available_memory": f"{container['memory_mb']}Mi",
        "available_cpu": container["cpu"],
        "timeout_seconds": container["timeout_s"],
        "min_instance_count": container["min_instances"],
        "max_instance_count": container["max_instances"],
        "max_instance_request_concurrency": container["concurrency"],
        "environment_variables": document["environment"],
        "secret_environment_variables": [
            {"key": name, "project_id": path.split("/")[1], "secret": path.split("/")[3], "version": version}
            for name, path, version in secret_paths(document)
        ],
        "service_account_email": email(document, "runtime"),
        "ingress_settings": ingress,
        "all_traffic_on_latest_revision": True,
    }
