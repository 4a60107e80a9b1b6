"""Object events of S3 (directly, through EventBridge, through SQS or SNS) and SQS batches of predictions.

    S3 notification      Records[].s3, keys URL-encoded       ─┐
    EventBridge          "Object Created" of aws.s3, key as is ├─▶ handlers.objects ─▶ S3
    SQS message of one   either of these as text              ─┘
    SQS message, else    the body of POST /predict ─▶ <results prefix>sqs/<message id>.json, where a results bucket is set

What may succeed later is raised (S3 and EventBridge invoke again) or named in `batchItemFailures` (SQS delivers again; the
event source mapping needs ReportBatchItemFailures). A message whose error could be written nowhere is named there, too, so
that it ends in the dead-letter queue.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_plus

from mldeploy.handlers.log import clean
from mldeploy.handlers.message import Request
from mldeploy.handlers.objects import ObjectEvent, Outcome, Transient, answer_object, results_from
from mldeploy.providers.aws.entry import s3
from mldeploy.providers.aws.entry.deadline import TimedRuntime

Event = dict[str, Any]


def kind_of(event: Event) -> Callable[[TimedRuntime, Event], Any] | None:
    """Who answers the event; None when it is none of these."""
    if event.get("detail-type") == "Object Created" and event.get("source") == "aws.s3":
        return _objects
    records = event.get("Records")
    if type(records) is list and records and type(records[0]) is dict:
        source = str(records[0].get("eventSource") or records[0].get("EventSource"))
        return {"aws:s3": _objects, "aws:sns": _objects, "aws:sqs": _batch}.get(source)
    return None


def objects_of(event: Event) -> Iterator[ObjectEvent]:
    """The created objects that an event tells of."""
    if event.get("detail-type") == "Object Created":
        detail = event["detail"]
        item = detail["object"]
        yield ObjectEvent(
            detail["bucket"]["name"], item["key"], item.get("size", -1), item.get("version-id", ""), _id(item, event["id"])
        )
        return
    for record in event.get("Records", ()):
        if "Sns" in record:
            yield from objects_of(json.loads(record["Sns"]["Message"]))
        elif str(record.get("eventName", "")).startswith("ObjectCreated:"):
            item = record["s3"]["object"]
            key = unquote_plus(item["key"])
            yield ObjectEvent(
                record["s3"]["bucket"]["name"], key, item.get("size", -1), item.get("versionId", ""), _id(item, "")
            )


def _id(item: dict[str, Any], spare: str) -> str:
    """The same for every delivery: the object's place in the order of its key's events, and what it holds."""
    sequencer = item.get("sequencer", "")
    return f"{sequencer}-{item.get('eTag') or item.get('etag') or ''}".rstrip("-") if sequencer else spare


def _objects(runtime: TimedRuntime, event: Event) -> Event:
    """Answer every object; raise once all were tried and one of them is to come again."""
    outcomes, failures = [], []
    for item in objects_of(event):
        try:
            outcomes.append(_answer(runtime, item))
        except Exception as error:
            failures.append(error)
            _tell(runtime, item, error)
    if failures:
        raise failures[0]
    return {"outcomes": [outcome._asdict() for outcome in outcomes]}


def _answer(runtime: TimedRuntime, item: ObjectEvent) -> Outcome:
    if runtime.left_s <= 0:
        raise Transient(f"{item.bucket}/{item.key}: no time left in this invocation")
    store = s3.Store(os.environ)
    return answer_object(runtime, item, store.read, store.write)


def _tell(runtime: TimedRuntime, item: ObjectEvent, error: Exception) -> None:
    runtime.log.event(
        "error",
        "object failed",
        bucket=clean(item.bucket),
        key=clean(item.key),
        reason=clean(f"{type(error).__name__}: {error}"),
    )


def _batch(runtime: TimedRuntime, event: Event) -> Event:
    """An SQS batch. Of a FIFO queue nothing after the first failure is done, so that the order holds."""
    failed: list[str] = []
    for record in event["Records"]:
        if failed and str(record.get("eventSourceARN", "")).endswith(".fifo"):
            failed.append(record["messageId"])
            continue
        try:
            _message(runtime, record)
        except Exception as error:
            failed.append(record["messageId"])
            reason = clean(f"{type(error).__name__}: {error}")
            runtime.log.event("error", "message failed", message_id=clean(record["messageId"]), reason=reason)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _message(runtime: TimedRuntime, record: Event) -> None:
    """One message. Raises when it is to be delivered again."""
    inner = _event_in(record["body"])
    if inner is None:
        _predict(runtime, record)
        return
    for item in objects_of(inner):
        _answer(runtime, item)


def _event_in(body: str) -> Event | None:
    """The object event in a message's body, SNS's wrapping taken off; None when the body is a prediction."""
    try:
        doc = json.loads(body)
        if type(doc) is dict and doc.get("Type") == "Notification":
            doc = json.loads(doc["Message"])
    except ValueError:
        return None
    if type(doc) is not dict:
        return None
    is_test = doc.get("Event") == "s3:TestEvent"  # S3 sends one when a notification is set up
    return doc if is_test or kind_of(doc) is not None else None


def _predict(runtime: TimedRuntime, record: Event) -> None:
    """A message that is a prediction: the answer goes where results go, and into the log."""
    if runtime.left_s <= 0:
        raise Transient("no time left in this invocation")
    name, body = record["messageId"], record["body"].encode("utf-8", "surrogatepass")
    told = record.get("messageAttributes", {}).get("content-type", {}).get("stringValue", "")
    headers = {"content-type": told or "application/json"}
    if runtime.config.access == "key":  # who may send to the queue has been let in by the platform
        headers["x-api-key"] = runtime.config.api_key
    response = runtime.handle(Request("POST", "/predict", "", headers, body, name))
    if response.status in (429, 503):
        raise Transient(f"{response.status}, to be tried again")
    results, is_answer = results_from(os.environ), response.status == 200
    key = f"{results.prefix}sqs/{name}{'' if is_answer else '.error'}.json"
    if results.bucket:
        s3.Store(os.environ).write(results.bucket, key, response.body, dict(response.headers)["content-type"])
    elif not is_answer:
        raise Transient(f"status {response.status}, and no results bucket to write it to")
    runtime.log.event(
        "info" if is_answer else "error",
        "message answered" if is_answer else "message refused",
        message_id=clean(name),
        status=response.status,
        **({"result": clean(f"{results.bucket}/{key}")} if results.bucket else {"answer": clean(response.body.decode(), 1500)}),
    )
