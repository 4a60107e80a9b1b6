"""An object that appeared in a bucket is a request; its answer is another object.

    event ─▶ a result of ours? a folder? ─▶ too large? ─▶ read ─▶ POST /predict ─▶ 200 ─▶ <prefix><key>.json
                 └─ skipped                    └────────────────────────────────────▶ <prefix><key>.error.json, and the log

Platforms deliver an event at least once. An answer overwrites itself with the same bytes, so a second delivery does no harm.
What may pass by waiting (the network, a store that is busy, a model that is not ready) is raised: the platform then delivers
the event again. Everything else is final and is written down.

    MLDEPLOY_RESULTS_BUCKET   where answers go               default: the object's own bucket
    MLDEPLOY_RESULTS_PREFIX   put before the object's key    default results/
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from mldeploy.handlers.log import clean
from mldeploy.handlers.message import Request, Response

if TYPE_CHECKING:
    from mldeploy.handlers.core import Runtime

DEFAULT_PREFIX = "results/"

_TYPES = {
    "json": "application/json",
    "csv": "text/csv",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
# What stores write when the uploader said nothing.
_UNTOLD = ("", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded")
_RETRIED = (429, 503)


class ObjectEvent(NamedTuple):
    """An object was created. `size_bytes` is -1 where the event does not say; `version` is the version id, generation or ETag;
    `id` is the same for every delivery of the event."""

    bucket: str
    key: str
    size_bytes: int = -1
    version: str = ""
    id: str = ""
    content_type: str = ""


class Stored(NamedTuple):
    """What was read of an object: at most one byte more than was asked for tells that there is more."""

    body: bytes
    content_type: str = ""
    content_encoding: str = ""


class Results(NamedTuple):
    """Where answers go. An empty bucket is the object's own."""

    bucket: str
    prefix: str


class Outcome(NamedTuple):
    """What came of an event: `answered`, `refused` (an error was written) or `skipped`. `key` is the key written, if any."""

    kind: str
    status: int = 0
    bucket: str = ""
    key: str = ""
    reason: str = ""


class Transient(Exception):
    """The event may succeed later: the entry point lets this reach the platform, which delivers it again."""


# (event, limit) -> the first limit + 1 bytes, or None where the object is gone. Raises on what may pass by waiting.
Read = Callable[[ObjectEvent, int], Stored | None]
# (bucket, key, body, content type). Raises on any failure: an answer that was not written is not an answer.
Write = Callable[[str, str, bytes, str], None]


def results_from(environ: Mapping[str, str]) -> Results:
    """Where the environment says that answers go."""
    return Results(environ.get("MLDEPLOY_RESULTS_BUCKET", ""), environ.get("MLDEPLOY_RESULTS_PREFIX", "") or DEFAULT_PREFIX)


def content_type(key: str, told: str) -> str:
    """The store's content type where it says something, else what the key's suffix means."""
    if told.partition(";")[0].strip().lower() not in _UNTOLD:
        return told
    return _TYPES.get(key.rpartition(".")[2].lower(), "application/octet-stream")


def skipped(event: ObjectEvent, results: Results) -> str:
    """Why the event is none of ours; empty when it is. An answer must never be a new question."""
    if event.bucket == (results.bucket or event.bucket) and event.key.startswith(results.prefix):
        return "it is a result"
    if event.key.endswith("/") and event.size_bytes <= 0:
        return "it is a folder"
    return ""


def answer_object(runtime: Runtime, event: ObjectEvent, read: Read, write: Write, results: Results | None = None) -> Outcome:
    """Answer one event. Raises Transient, or whatever `read` and `write` raise, when it is to be delivered again."""
    results = results or results_from(os.environ)
    reason = skipped(event, results)
    if not reason:
        response = _response(runtime, event, read)
        if response is not None:
            return _written(runtime, event, response, write, results)
        reason = "it is gone"
    runtime.log.event("info", "object skipped", bucket=clean(event.bucket), key=clean(event.key), reason=reason)
    return Outcome("skipped", reason=reason)


def _response(runtime: Runtime, event: ObjectEvent, read: Read) -> Response | None:
    """The model's answer to the object; None when there is no object any more."""
    limit = runtime.config.max_body_bytes
    if event.size_bytes > limit:
        return _too_large(runtime, event, event.size_bytes)
    stored = read(event, limit)
    if stored is None:
        return None
    if len(stored.body) > limit:
        return _too_large(runtime, event, len(stored.body))
    headers = {"content-type": content_type(event.key, stored.content_type or event.content_type)}
    if stored.content_encoding:
        headers["content-encoding"] = stored.content_encoding
    if runtime.config.access == "key":  # who may put objects into the bucket has been let in by the platform
        headers["x-api-key"] = runtime.config.api_key
    response = runtime.handle(Request("POST", "/predict", "", headers, stored.body, event.id))
    if response.status in _RETRIED:
        raise Transient(f"{event.bucket}/{event.key}: {response.status}, to be tried again")
    return response


def _too_large(runtime: Runtime, event: ObjectEvent, size: int) -> Response:
    limit = runtime.config.max_body_bytes
    text = f"the object has {size} bytes or more; the limit is {limit} bytes"
    return runtime.reject("body-too-large", text, event.id, path="/predict", method="POST")


def _written(runtime: Runtime, event: ObjectEvent, response: Response, write: Write, results: Results) -> Outcome:
    is_answer = response.status == 200
    bucket = results.bucket or event.bucket
    key = f"{results.prefix}{event.key}{'' if is_answer else '.error'}.json"
    headers = dict(response.headers)
    write(bucket, key, response.body, headers.get("content-type", "application/json"))
    runtime.log.event(
        "info" if is_answer else "error",
        "object answered" if is_answer else "object refused",
        request_id=headers.get("x-request-id", ""),
        bucket=clean(event.bucket),
        key=clean(event.key),
        version=clean(event.version),
        status=response.status,
        result=clean(f"{bucket}/{key}"),
    )
    return Outcome("answered" if is_answer else "refused", response.status, bucket, key)
