"""Azure's translations that need no worker: URLs, answers, events, schedules, host.json."""

from __future__ import annotations

import base64
import json

import azure.functions as func
import pytest

from mldeploy.handlers.config import ConfigError
from mldeploy.handlers.message import Response
from mldeploy.handlers.objects import ObjectEvent, Results
from mldeploy.providers.azure.entry.binding import Binding, binding_from, bound_event
from mldeploy.providers.azure.entry.host_json import host_json
from mldeploy.providers.azure.entry.http import answered, has_lost_its_body, sent, target
from mldeploy.providers.azure.entry.messages import EventError, Queue, object_event, queue_from
from mldeploy.providers.azure.entry.schedule import Schedule, schedule_from

EVENT = {
    "id": "e-1",
    "eventType": "Microsoft.Storage.BlobCreated",
    "subject": "/blobServices/default/containers/shop/blobs/in/blobs/für dich.png",
    "data": {"contentType": "image/png", "contentLength": 12, "eTag": "0x8D4"},
}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://host/predict", ("/predict", "")),
        ("https://host:8080/a%20b?x=1&y=%2F", ("/a%20b", "x=1&y=%2F")),
        ("http://host", ("/", "")),
        ("http://host?x=http://other/path", ("/", "x=http://other/path")),
        ("http://host//predict", ("//predict", "")),
        ("http://host/a?b?c", ("/a", "b?c")),
    ],
)
def test_the_target_of_a_url(url: str, expected: tuple[str, str]) -> None:
    assert target(url) == expected


def test_a_request_is_what_was_sent() -> None:
    request = func.HttpRequest("post", "http://host/predict?a=1", headers={"X-Note": "é"}, params={}, body=b"\xff\x00")
    assert sent(request, "i-1") == ("POST", "/predict", "a=1", {"x-note": "é"}, b"\xff\x00", "i-1")


def test_a_lost_body_is_noticed() -> None:
    chunked = func.HttpRequest("POST", "http://h/", headers={"Transfer-Encoding": "chunked"}, params={}, body=b"")
    empty = func.HttpRequest("POST", "http://h/", headers={}, params={}, body=b"")
    assert has_lost_its_body(sent(chunked, ""))
    assert not has_lost_its_body(sent(empty, ""))


def test_an_answer_keeps_bytes_types_and_repeated_headers() -> None:
    headers = (("content-type", "image/x; q=1"), ("vary", "a"), ("vary", "b"), ("set-cookie", "a=1"), ("set-cookie", "b=2"))
    answer = answered(Response(203, headers, b"\x00\xff"))
    assert (answer.status_code, answer.get_body()) == (203, b"\x00\xff")
    assert answer.headers["content-type"] == "image/x; q=1"
    assert answer.headers["vary"] == "a, b"
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]


def test_a_blob_created_event() -> None:
    expected = ObjectEvent("shop", "in/blobs/für dich.png", 12, "0x8D4", "e-1", "image/png")
    plain = json.dumps(EVENT).encode()
    assert object_event(plain) == expected
    assert object_event(base64.b64encode(plain)) == expected
    assert object_event(json.dumps(EVENT | {"eventType": "Microsoft.Storage.BlobDeleted"}).encode()) is None


@pytest.mark.parametrize(
    "message",
    [b"", b"{", b"[]", b"%%%", b"{}", json.dumps(EVENT | {"subject": "/x"}).encode(), json.dumps(EVENT | {"data": 1}).encode()],
)
def test_what_is_no_event_is_named(message: bytes) -> None:
    with pytest.raises(EventError):
        object_event(message)


def test_where_messages_and_blobs_are() -> None:
    assert queue_from({}) is None
    told = queue_from({"MLDEPLOY_STORAGE_ACCOUNT": "shop"})
    assert told == Queue("mldeploy-objects", "AzureWebJobsStorage", "https://shop.blob.core.windows.net")


def test_a_schedule_is_read_from_the_environment() -> None:
    assert schedule_from({}) is None
    told = schedule_from({"MLDEPLOY_SCHEDULE": "0 0 6 * * *", "MLDEPLOY_SCHEDULE_BODY": '{"inputs": [1]}'})
    assert told == Schedule("0 0 6 * * *", b'{"inputs": [1]}')


@pytest.mark.parametrize(
    "environ", [{"MLDEPLOY_SCHEDULE": "0 6 * * *", "MLDEPLOY_SCHEDULE_BODY": "1"}, {"MLDEPLOY_SCHEDULE": "0 0 6 * * *"}]
)
def test_a_bad_schedule_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="MLDEPLOY_SCHEDULE"):
        schedule_from(environ)


@pytest.mark.parametrize(("timeout_s", "text"), [(30, "00:00:40"), (0.5, "00:00:11"), (3600, "01:00:10")])
def test_host_json(timeout_s: float, text: str) -> None:
    document = json.loads(host_json(timeout_s))
    assert document["functionTimeout"] == text
    assert document["extensions"]["http"]["routePrefix"] == ""
    assert document["version"] == "2.0"


CONTAINER = {"MLDEPLOY_TRIGGER_CONTAINER": "shop"}


def test_a_blob_trigger_as_paths_of_bindings() -> None:
    assert binding_from({}) is None
    plain = Binding("shop", "", "", "AzureWebJobsStorage", "EventGrid", Results("shop", "results/"))
    assert binding_from(CONTAINER) == plain
    assert plain.path == "shop/{name}"
    assert plain.answer_path == "shop/results/{name}.json"
    names = {"PREFIX": "in/", "SUFFIX": ".jpg", "CONNECTION": "Other", "SOURCE": "LogsAndContainerScan"}
    results = {"MLDEPLOY_RESULTS_BUCKET": "answers", "MLDEPLOY_RESULTS_PREFIX": "out/"}
    told = binding_from({**CONTAINER, **{f"MLDEPLOY_TRIGGER_{name}": value for name, value in names.items()}, **results})
    assert told == Binding("shop", "in/", ".jpg", "Other", "LogsAndContainerScan", Results("answers", "out/"))
    assert told is not None
    assert told.path == "shop/in/{name}.jpg"
    assert told.refusal_path == "answers/out/in/{name}.jpg.error.json"


@pytest.mark.parametrize(
    "environ", [{"MLDEPLOY_TRIGGER_PREFIX": "{x}/"}, {"MLDEPLOY_TRIGGER_SUFFIX": "%A%"}, {"MLDEPLOY_TRIGGER_SOURCE": "Polling"}]
)
def test_a_bad_blob_trigger_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        binding_from(CONTAINER | environ)


def test_a_bound_blob_is_an_event() -> None:
    blob = func.blob.InputStream(
        data=b"abc", name="shop/in/x.png", length=3, blob_properties={"ContentType": "image/png", "ETag": '"0x8D4"'}
    )
    assert bound_event(blob, "i-1") == ObjectEvent("shop", "in/x.png", 3, "0x8D4", "0x8D4", "image/png")
    bare = func.blob.InputStream(data=b"abc", name="shop/in/x.png")
    assert bound_event(bare, "i-1") == ObjectEvent("shop", "in/x.png", -1, "", "i-1")
