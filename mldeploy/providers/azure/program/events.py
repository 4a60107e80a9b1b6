"""New blobs of the user's container: who may read them, and how the host hears of them.

container app   the host looks for itself (polling): Event Grid needs a key of the host, which nothing gives out there
premium         account ─▶ system topic ─▶ subscription ─▶ the host's own address, with its key
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pulumi
from pulumi_azure_native import eventgrid, managedidentity, web

from mldeploy.providers.azure.program.arm import Document, common, grant

CONNECTION = "TriggerStorage"
FUNCTION = "objects"
KEY = "blobs_extension"
EVENT = "Microsoft.Storage.BlobCreated"
MAX_ATTEMPTS = 30
TIME_TO_LIVE_MIN = 1440
ROLES = ("Storage Blob Data Owner", "Storage Queue Data Contributor")


def settings(document: Document, client_id: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    """What the app is told about the trigger; {} without one."""
    asked = document["trigger"]
    if not asked:
        return {}
    return {
        "MLDEPLOY_TRIGGER_CONTAINER": asked["container"],
        "MLDEPLOY_TRIGGER_PREFIX": asked["prefix"],
        "MLDEPLOY_TRIGGER_SUFFIX": asked["suffix"],
        "MLDEPLOY_TRIGGER_CONNECTION": CONNECTION,
        "MLDEPLOY_TRIGGER_SOURCE": "EventGrid" if document["plan"] == "premium" else "LogsAndContainerScan",
        "MLDEPLOY_RESULTS_BUCKET": asked["results_container"],
        "MLDEPLOY_RESULTS_PREFIX": asked["results_prefix"],
        f"{CONNECTION}__blobServiceUri": f"https://{asked['account']}.blob.core.windows.net",
        f"{CONNECTION}__queueServiceUri": f"https://{asked['account']}.queue.core.windows.net",
        f"{CONNECTION}__credential": "managedidentity",
        f"{CONNECTION}__clientId": client_id,
    }


def grants(document: Document, runtime: managedidentity.UserAssignedIdentity) -> tuple[pulumi.Resource, ...]:
    """The roles that a blob trigger needs on the user's account: blobs, and the queue for those that failed again and again."""
    asked = document["trigger"]
    if not asked:
        return ()
    return tuple(
        grant(f"trigger-{role.lower().replace(' ', '-')}", document, role, asked["account_id"], runtime.principal_id)
        for role in ROLES
    )


def subscribe(document: Document, site: web.WebApp) -> None:
    """Event Grid tells the function app's host. The address has the host's key, and so is a secret of the engine's record."""
    asked, names = document["trigger"], document["names"]
    topic = eventgrid.SystemTopic(
        "topic",
        system_topic_name=names["topic"],
        source=asked["account_id"],
        topic_type="Microsoft.Storage.StorageAccounts",
        **{**common(document), "location": asked["region"]},
    )
    keys = web.list_web_app_host_keys_output(name=site.name, resource_group_name=names["group"])
    known = pulumi.Output.all(site.default_host_name, keys.system_keys)
    address: Any = pulumi.Output.secret(known.apply(lambda both: _address(both[0], both[1])))
    eventgrid.SystemTopicEventSubscription(
        "events",
        event_subscription_name=names["events"],
        system_topic_name=topic.name,
        resource_group_name=names["group"],
        event_delivery_schema="EventGridSchema",
        destination=eventgrid.WebHookEventSubscriptionDestinationArgs(endpoint_type="WebHook", endpoint_url=address),
        filter={
            "included_event_types": [EVENT],
            "subject_begins_with": f"/blobServices/default/containers/{asked['container']}/blobs/{asked['prefix']}",
            "subject_ends_with": asked["suffix"],
            "is_subject_case_sensitive": True,
        },
        retry_policy={"max_delivery_attempts": MAX_ATTEMPTS, "event_time_to_live_in_minutes": TIME_TO_LIVE_MIN},
    )


def _address(host: str, keys: Mapping[str, str] | None) -> str:
    """The host makes this key when it starts with a blob trigger: right after the first creation it may not be there."""
    if not keys or KEY not in keys:
        raise pulumi.RunError(f"the host of {host} has not made its key {KEY} yet; run the command again in a minute")
    return f"https://{host}/runtime/webhooks/blobs?functionName=Host.Functions.{FUNCTION}&code={quote(keys[KEY], safe='')}"
