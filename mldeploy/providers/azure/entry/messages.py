"""What Event Grid says about blobs, delivered through a storage queue, as the runtime's ObjectEvent. Pure.

A queue needs no key of the host's, and wakes an app that is scaled to zero; blobs are then read and written by blobs.py.

    {"eventType": "Microsoft.Storage.BlobCreated", "subject": "/blobServices/default/containers/C/blobs/KEY", "id": …,
     "data": {"contentType": …, "contentLength": …, "eTag": …}}

The subscription filters by container, prefix and suffix, so everything that arrives is wanted.

    MLDEPLOY_STORAGE_ACCOUNT     the account whose blobs are predicted; without it no queue is read
    MLDEPLOY_BLOB_ENDPOINT       its blob service, in another cloud     default https://ACCOUNT.blob.core.windows.net
    MLDEPLOY_OBJECTS_QUEUE       the queue                              default mldeploy-objects
    MLDEPLOY_OBJECTS_CONNECTION  app settings that say where it is      default AzureWebJobsStorage
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import NamedTuple

from mldeploy.handlers.objects import ObjectEvent

CREATED = "Microsoft.Storage.BlobCreated"
_CONTAINERS, _BLOBS = "/blobServices/default/containers/", "/blobs/"


class Queue(NamedTuple):
    """Where messages come from and where blobs are."""

    name: str
    connection: str
    blob_endpoint: str


class EventError(ValueError):
    """The message is not a storage event. It ends in the poison queue, where somebody can look at it."""


def queue_from(environ: Mapping[str, str]) -> Queue | None:
    """The queue that the environment configures, if it does."""
    account = environ.get("MLDEPLOY_STORAGE_ACCOUNT", "")
    if not account:
        return None
    return Queue(
        environ.get("MLDEPLOY_OBJECTS_QUEUE", "") or "mldeploy-objects",
        environ.get("MLDEPLOY_OBJECTS_CONNECTION", "") or "AzureWebJobsStorage",
        environ.get("MLDEPLOY_BLOB_ENDPOINT", "") or f"https://{account}.blob.core.windows.net",
    )


def object_event(message: bytes) -> ObjectEvent | None:
    """The event in a message; None for other things that happen to blobs. Raises EventError."""
    import json

    try:
        # Event Grid encodes what it puts into a queue, the host decodes it unless host.json says otherwise.
        document = json.loads(message if message.lstrip()[:1] == b"{" else b64decode(message, validate=True))
        kind, subject, data = document["eventType"], document["subject"], document.get("data") or {}
        if kind != CREATED:
            return None
        container, found, key = str(subject).partition(_CONTAINERS)[2].partition(_BLOBS)
        size, version = int(data.get("contentLength", -1)), str(data.get("eTag", ""))
        told = str(data.get("contentType") or "")
        event_id = str(document["id"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EventError(f"the message is not an Event Grid event: {type(error).__name__}: {error}") from None
    if not (container and found and key):
        raise EventError(f"the event's subject names no blob: {subject!r}")
    return ObjectEvent(container, key, size, version, event_id, told)
