"""Deliveries of Eventarc as object events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mldeploy.handlers.config import ConfigError
from mldeploy.handlers.objects import ObjectEvent
from mldeploy.providers.gcp.entry.events import FINALIZED, EventError, Trigger, object_event, trigger_from

DATA = {
    "bucket": "shop",
    "name": "in/für dich.png",
    "size": "12",
    "generation": "17",
    "contentType": "image/png",
    "kind": "storage#object",
}
EVENT = ObjectEvent("shop", "in/für dich.png", 12, "17", "e-1", "image/png")
HEADERS = {"content-type": "application/json", "ce-id": "e-1", "ce-type": FINALIZED, "ce-specversion": "1.0"}


def test_binary_mode() -> None:
    assert object_event(HEADERS, json.dumps(DATA).encode()) == EVENT


def test_structured_mode() -> None:
    body = json.dumps({"specversion": "1.0", "id": "e-1", "type": FINALIZED, "data": DATA}).encode()
    assert object_event({"content-type": "application/cloudevents+json; charset=utf-8"}, body) == EVENT


def test_other_types_are_not_for_us() -> None:
    headers = HEADERS | {"ce-type": "google.cloud.storage.object.v1.deleted"}
    assert object_event(headers, b"{}") is None


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        (HEADERS, b"{", "not JSON"),
        ({"content-type": "application/json"}, b"{}", "no id and no type"),
        ({"content-type": "application/cloudevents+json"}, b"[]", "not an event"),
        ({"content-type": "application/cloudevents+json"}, b'{"id": 1, "type": "x"}', "no id"),
        (HEADERS, b"[]", "StorageObjectData"),
        (HEADERS, b'{"bucket": "b"}', "StorageObjectData"),
        (HEADERS, b'{"bucket": "b", "name": "n", "size": "big"}', "StorageObjectData"),
    ],
)
def test_what_is_no_event_is_named(headers: dict[str, str], body: bytes, said: str) -> None:
    with pytest.raises(EventError, match=said):
        object_event(headers, body)


def test_a_trigger_is_read_from_the_environment() -> None:
    names = {"MLDEPLOY_TRIGGER_BUCKET": "shop", "MLDEPLOY_TRIGGER_PREFIX": "in/", "MLDEPLOY_TRIGGER_SUFFIX": ".png"}
    assert trigger_from(names, "private") == Trigger("shop", "in/", ".png")
    assert trigger_from({"MLDEPLOY_RESULTS_BUCKET": "answers"}, "private") == Trigger()
    assert trigger_from({"MLDEPLOY_TRIGGER_PREFIX": "in/"}, "public") is None


@pytest.mark.parametrize("access", ["key", "public"])
def test_a_trigger_needs_the_platforms_own_check(access: str) -> None:
    with pytest.raises(ConfigError, match=f"private, not {access}"):
        trigger_from({"MLDEPLOY_TRIGGER_BUCKET": "shop"}, access)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, ""),
        ({"bucket": "other"}, "it is in another bucket"),
        ({"key": "x.png"}, "its key does not begin with 'in/'"),
        ({"key": "in/x.txt"}, "its key does not end with '.png'"),
    ],
)
def test_what_a_trigger_wants(changed: dict[str, Any], reason: str) -> None:
    assert Trigger("shop", "in/", ".png").unwanted(EVENT._replace(**changed)) == reason
