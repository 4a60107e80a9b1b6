"""What Eventarc delivers about objects, as the runtime's ObjectEvent. Pure.

    binary mode      ce-type, ce-id … are headers, the body is StorageObjectData as JSON
    structured mode  content-type application/cloudevents+json, everything is in the body

A trigger filters by bucket only; prefix and suffix are looked at here, so that an unwanted object costs one small request.

    MLDEPLOY_TRIGGER_BUCKET   only objects of this bucket                 default: whatever the trigger delivers
    MLDEPLOY_TRIGGER_PREFIX   only keys that begin with this
    MLDEPLOY_TRIGGER_SUFFIX   only keys that end with this

Without MLDEPLOY_TRIGGER_BUCKET or MLDEPLOY_RESULTS_BUCKET there is no trigger, and no route for events. An event proves itself
to the platform only (an identity token that Cloud Run checks), so a trigger needs MLDEPLOY_ACCESS=private.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mldeploy.handlers.config import ConfigError
from mldeploy.handlers.objects import ObjectEvent

PATH = "/events/objects"
FINALIZED = "google.cloud.storage.object.v1.finalized"


class Trigger(NamedTuple):
    """Which objects are predicted. An empty bucket is any."""

    bucket: str = ""
    prefix: str = ""
    suffix: str = ""

    def unwanted(self, event: ObjectEvent) -> str:
        """Why the event is not for this trigger; empty when it is."""
        if event.bucket != (self.bucket or event.bucket):
            return "it is in another bucket"
        if not event.key.startswith(self.prefix):
            return f"its key does not begin with {self.prefix!r}"
        if not event.key.endswith(self.suffix):
            return f"its key does not end with {self.suffix!r}"
        return ""


class EventError(ValueError):
    """What was delivered is not a storage event; the message says what it lacks."""


def trigger_from(environ: Mapping[str, str], access: str) -> Trigger | None:
    """The trigger that the environment configures, if it does. Raises ConfigError when anybody could feign an event."""
    told = Trigger(*(environ.get(f"MLDEPLOY_TRIGGER_{name}", "") for name in ("BUCKET", "PREFIX", "SUFFIX")))
    if not (told.bucket or environ.get("MLDEPLOY_RESULTS_BUCKET", "")):
        return None
    if access != "private":
        raise ConfigError(f"a trigger (MLDEPLOY_TRIGGER_BUCKET) needs MLDEPLOY_ACCESS=private, not {access}")
    return told


def object_event(headers: Mapping[str, str], body: bytes) -> ObjectEvent | None:
    """The event of a delivery over HTTP, in either mode; None for other things that happen to objects. Raises EventError."""
    import json

    try:
        document = json.loads(body)
    except ValueError as error:
        raise EventError(f"the body is not JSON: {error}") from None
    if headers.get("content-type", "").startswith("application/cloudevents+json"):
        if not isinstance(document, dict):
            raise EventError("the body is not an event")
        return from_attributes(document, document.get("data"))
    return from_attributes({name[3:]: value for name, value in headers.items() if name.startswith("ce-")}, document)


def from_attributes(attributes: Mapping[str, Any], data: Any) -> ObjectEvent | None:
    """The event with these CloudEvents attributes and this StorageObjectData; None for another type. Raises EventError."""
    missing = [name for name in ("id", "type") if not isinstance(attributes.get(name), str)]
    if missing:
        raise EventError(f"this is not a CloudEvent: there is no {' and no '.join(missing)}")
    if attributes["type"] != FINALIZED:
        return None
    try:
        bucket, key, size = str(data["bucket"]), str(data["name"]), int(data.get("size", -1))
    except (TypeError, KeyError, ValueError, AttributeError):
        raise EventError("the event's data is not StorageObjectData: bucket, name and size are expected") from None
    return ObjectEvent(bucket, key, size, str(data.get("generation", "")), attributes["id"], str(data.get("contentType", "")))
