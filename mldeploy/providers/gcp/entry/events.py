"""What Eventarc delivers about objects, as the runtime's ObjectEvent. Pure.

    binary mode      ce-type, ce-id … are headers, the body is StorageObjectData as JSON
    structured mode  content-type application/cloudevents+json, everything is in the body

A trigger filters by bucket only; prefix and suffix are looked at here, so that an unwanted object costs one small request.

    MLDEPLOY_TRIGGER_BUCKET    the bucket whose new objects are predicted; without it there is no event route at all
    MLDEPLOY_TRIGGER_PREFIX    only keys that begin with this
    MLDEPLOY_TRIGGER_SUFFIX    only keys that end with this
    MLDEPLOY_TRIGGER_ACCOUNT   e-mail of the trigger's service account; needed unless MLDEPLOY_ACCESS=private (identity.py)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mldeploy.handlers.objects import ObjectEvent

PATH = "/events/objects"
FINALIZED = "google.cloud.storage.object.v1.finalized"


class Trigger(NamedTuple):
    """Which objects are predicted, and who may tell of them."""

    bucket: str
    prefix: str = ""
    suffix: str = ""
    account: str = ""

    def unwanted(self, event: ObjectEvent) -> str:
        """Why the event is not for this trigger; empty when it is."""
        if event.bucket != self.bucket:
            return "it is in another bucket"
        if not event.key.startswith(self.prefix):
            return f"its key does not begin with {self.prefix!r}"
        if not event.key.endswith(self.suffix):
            return f"its key does not end with {self.suffix!r}"
        return ""


class EventError(ValueError):
    """What was delivered is not a storage event; the message says what it lacks."""


def trigger_from(environ: Mapping[str, str]) -> Trigger | None:
    """The trigger that the environment configures, if it does."""
    bucket = environ.get("MLDEPLOY_TRIGGER_BUCKET", "")
    names = ("PREFIX", "SUFFIX", "ACCOUNT")
    return Trigger(bucket, *(environ.get(f"MLDEPLOY_TRIGGER_{name}", "") for name in names)) if bucket else None


def object_event(headers: Mapping[str, str], body: bytes) -> ObjectEvent | None:
    """The event of a delivery over HTTP, in either mode; None for other things that happen to objects. Raises EventError."""
    import orjson

    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
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
