"""New blobs of the user's container as messages in a queue of the deployment's own, which the app reads.

    storage account ─▶ system topic ─▶ subscription (BlobCreated, prefix, suffix) ─identity─▶ queue ─▶ app

A queue needs no public endpoint and no key, keeps what comes while the app is scaled to zero, and delivers again what failed.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native import eventgrid, managedidentity
from pulumi_azure_native import storage as storing

from mldeploy.providers.azure.program.arm import Document, common, grant

QUEUE = "mldeploy-objects"
EVENT = "Microsoft.Storage.BlobCreated"
MAX_ATTEMPTS = 30
TIME_TO_LIVE_MIN = 1440
MESSAGES_A_REPLICA = 5


def settings(document: Document) -> dict[str, pulumi.Input[str]]:
    """What the app is told about the trigger; {} without one."""
    asked = document["trigger"]
    if not asked:
        return {}
    return {
        "MLDEPLOY_STORAGE_ACCOUNT": asked["account"],
        "MLDEPLOY_OBJECTS_QUEUE": QUEUE,
        "MLDEPLOY_RESULTS_BUCKET": asked["results_container"],
        "MLDEPLOY_RESULTS_PREFIX": asked["results_prefix"],
    }


def scale_rules(document: Document, identity: pulumi.Input[str]) -> list[dict[str, Any]]:
    """What wakes a container app for messages; [] without a trigger."""
    if not document["trigger"]:
        return []
    queue = {"account_name": document["names"]["storage"], "queue_name": QUEUE, "queue_length": MESSAGES_A_REPLICA}
    return [{"name": "objects", "azure_queue": {**queue, "identity": identity}}]


def subscribe(
    document: Document,
    runtime: managedidentity.UserAssignedIdentity,
    account: storing.StorageAccount,
    depends_on: list[pulumi.Resource],
) -> list[pulumi.Resource]:
    """The queue, the topic, the subscription, and the runtime's right to read blobs and to write answers, on their containers.
    Returns the rights."""
    asked, names = document["trigger"], document["names"]
    queue = storing.Queue("queue", queue_name=QUEUE, account_name=account.name, resource_group_name=names["group"])
    identities: Any = runtime.id.apply(lambda name: {name: {}})
    topic = eventgrid.SystemTopic(
        "topic",
        system_topic_name=names["topic"],
        source=asked["account_id"],
        topic_type="Microsoft.Storage.StorageAccounts",
        identity={"type": "UserAssigned", "user_assigned_identities": identities},
        **{**common(document), "location": asked["region"]},
    )
    eventgrid.SystemTopicEventSubscription(
        "events",
        event_subscription_name=names["events"],
        system_topic_name=topic.name,
        resource_group_name=names["group"],
        event_delivery_schema="EventGridSchema",
        delivery_with_resource_identity=eventgrid.DeliveryWithResourceIdentityArgs(
            identity=eventgrid.EventSubscriptionIdentityArgs(type="UserAssigned", user_assigned_identity=runtime.id),
            destination=eventgrid.StorageQueueEventSubscriptionDestinationArgs(
                endpoint_type="StorageQueue", resource_id=account.id, queue_name=queue.name
            ),
        ),
        filter={
            "included_event_types": [EVENT],
            "subject_begins_with": f"/blobServices/default/containers/{asked['container']}/blobs/{asked['prefix']}",
            "subject_ends_with": asked["suffix"],
            "is_subject_case_sensitive": True,
        },
        retry_policy={"max_delivery_attempts": MAX_ATTEMPTS, "event_time_to_live_in_minutes": TIME_TO_LIVE_MIN},
        opts=pulumi.ResourceOptions(depends_on=depends_on),
    )
    containers = f"{asked['account_id']}/blobServices/default/containers"
    places = (("read-blobs", "Reader", asked["container"]), ("write-answers", "Contributor", asked["results_container"]))
    return [
        grant(name, document, f"Storage Blob Data {right}", f"{containers}/{container}", runtime.principal_id)
        for name, right, container in places
    ]
