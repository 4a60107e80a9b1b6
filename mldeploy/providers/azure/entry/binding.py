"""A blob that appeared is a request; the answer is another blob. Reading and writing are the platform's own bindings.

    blob trigger ─▶ InputStream ─▶ object event ─▶ core ─┬─ 200 ─▶ output binding `answer`    <prefix><key>.json
                                                         └─ else ▶ output binding `refusal`   <prefix><key>.error.json

    MLDEPLOY_TRIGGER_CONTAINER    the container whose new blobs are predicted; without it there is no such function
    MLDEPLOY_TRIGGER_PREFIX       only names that begin with this
    MLDEPLOY_TRIGGER_SUFFIX       only names that end with this
    MLDEPLOY_TRIGGER_CONNECTION   app settings that say which account it is in    default AzureWebJobsStorage
    MLDEPLOY_TRIGGER_SOURCE       EventGrid | LogsAndContainerScan (polling)      default EventGrid
    MLDEPLOY_RESULTS_BUCKET       the container for answers                       default the trigger's
    MLDEPLOY_RESULTS_PREFIX       put before a blob's name                        default results/

An output binding takes no content type, so that an answer is application/octet-stream there; messages.py has the other way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import azure.functions as func

from mldeploy.handlers.config import ConfigError
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.objects import ObjectEvent, Results, Stored, answer_object, results_from

SOURCES = ("EventGrid", "LogsAndContainerScan")
_ERROR_SUFFIX = ".error.json"


class Binding(NamedTuple):
    """Which blobs are predicted and where answers go, as the paths of bindings."""

    container: str
    prefix: str
    suffix: str
    connection: str
    source: str
    results: Results

    @property
    def path(self) -> str:
        return f"{self.container}/{self._key}"

    @property
    def answer_path(self) -> str:
        return f"{self.results.bucket}/{self.results.prefix}{self._key}.json"

    @property
    def refusal_path(self) -> str:
        return f"{self.results.bucket}/{self.results.prefix}{self._key}{_ERROR_SUFFIX}"

    @property
    def _key(self) -> str:
        return f"{self.prefix}{{name}}{self.suffix}"


def binding_from(environ: Mapping[str, str]) -> Binding | None:
    """The blob trigger that the environment configures, if it does. Raises ConfigError."""
    container = environ.get("MLDEPLOY_TRIGGER_CONTAINER", "")
    if not container:
        return None
    results = results_from(environ)
    prefix, suffix = (environ.get(f"MLDEPLOY_TRIGGER_{name}", "") for name in ("PREFIX", "SUFFIX"))
    for text in (prefix, suffix, results.prefix):
        if set(text) & set("{}%"):
            raise ConfigError(f"{text!r} cannot be part of a blob trigger's path: braces and % mean something there")
    source = environ.get("MLDEPLOY_TRIGGER_SOURCE", "") or SOURCES[0]
    if source not in SOURCES:
        raise ConfigError(f"MLDEPLOY_TRIGGER_SOURCE={source!r} must be one of {', '.join(SOURCES)}")
    connection = environ.get("MLDEPLOY_TRIGGER_CONNECTION", "") or "AzureWebJobsStorage"
    return Binding(container, prefix, suffix, connection, source, Results(results.bucket or container, results.prefix))


def bound_event(blob: func.InputStream, invocation_id: str) -> ObjectEvent:
    """The event that a triggering blob stands for."""
    container, _, key = (blob.name or "").partition("/")
    properties = getattr(blob, "blob_properties", None) or {}
    told = {name.lower(): value for name, value in properties.items()}
    version = str(told.get("etag") or "").strip('"')
    size = blob.length if blob.length is not None else -1
    return ObjectEvent(container, key, size, version, version or invocation_id, str(told.get("contenttype") or ""))


def answer_blob(
    runtime: Runtime,
    binding: Binding,
    blob: func.InputStream,
    invocation_id: str,
    answer: Callable[[bytes], None],
    refusal: Callable[[bytes], None],
) -> None:
    """Predict a blob. Raises Transient when the platform should try again."""

    def read(event: ObjectEvent, limit: int) -> Stored:
        return Stored(blob.read(limit + 1))

    def write(bucket: str, key: str, body: bytes, content_type: str) -> None:
        (refusal if key.endswith(_ERROR_SUFFIX) else answer)(body)

    answer_object(runtime, bound_event(blob, invocation_id), read, write, binding.results)
