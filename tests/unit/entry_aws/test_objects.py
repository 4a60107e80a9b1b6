"""Objects as requests, with a store in memory."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from mldeploy.handlers.objects import (
    ObjectEvent,
    Results,
    Stored,
    Transient,
    answer_object,
    content_type,
    results_from,
    skipped,
)
from mldeploy.providers.aws.entry.deadline import TimedRuntime

Runtimes = Callable[..., TimedRuntime]
RIGHT = b'{"inputs": [[1, 2, 3]]}'
HERE = Results("", "results/")


class Memory:
    """A bucket in memory."""

    def __init__(self, **objects: Stored) -> None:
        self.objects = objects
        self.reads: list[tuple[str, int]] = []
        self.written: dict[str, tuple[bytes, str]] = {}

    def read(self, event: ObjectEvent, limit: int) -> Stored | None:
        self.reads.append((event.key, limit))
        return self.objects.get(event.key)

    def write(self, bucket: str, key: str, body: bytes, kind: str) -> None:
        self.written[f"{bucket}/{key}"] = (body, kind)


@pytest.mark.parametrize(
    ("key", "told", "kind"),
    [
        ("a.JPG", "", "image/jpeg"),
        ("a.jpeg", "binary/octet-stream", "image/jpeg"),
        ("a/b.csv", "application/octet-stream", "text/csv"),
        ("a.webp", "application/x-www-form-urlencoded; charset=utf-8", "image/webp"),
        ("a.json", "text/csv; header=present", "text/csv; header=present"),
        ("json", "", "application/json"),
        ("a", "", "application/octet-stream"),
        ("a.tar.gz", "", "application/octet-stream"),
    ],
)
def test_content_type(key: str, told: str, kind: str) -> None:
    assert content_type(key, told) == kind


@pytest.mark.parametrize(
    ("event", "results", "why"),
    [
        (ObjectEvent("b", "results/a"), HERE, "it is a result"),
        (ObjectEvent("b", "results/a"), Results("b", "results/"), "it is a result"),
        (ObjectEvent("b", "results/a"), Results("other", "results/"), ""),
        (ObjectEvent("b", "results"), HERE, ""),
        (ObjectEvent("b", "my-results/a"), HERE, ""),
        (ObjectEvent("b", "a/", 0), HERE, "it is a folder"),
        (ObjectEvent("b", "a/"), HERE, "it is a folder"),
        (ObjectEvent("b", "a/", 7), HERE, ""),
    ],
)
def test_what_is_skipped(event: ObjectEvent, results: Results, why: str) -> None:
    assert skipped(event, results) == why


def test_results_of_the_environment() -> None:
    assert results_from({}) == HERE
    assert results_from({"MLDEPLOY_RESULTS_BUCKET": "b", "MLDEPLOY_RESULTS_PREFIX": "p-"}) == Results("b", "p-")


def test_an_answer_never_asks_again(runtime: Runtimes) -> None:
    """Whatever is written, its own event is skipped: there is no loop."""
    store = Memory(a=Stored(RIGHT, "application/json"), b=Stored(b"{", "application/json"))
    for key in ("a", "b"):
        outcome = answer_object(runtime("plain"), ObjectEvent("bucket", key), store.read, store.write, HERE)
        assert skipped(ObjectEvent(outcome.bucket, outcome.key), HERE)
    assert sorted(store.written) == ["bucket/results/a.json", "bucket/results/b.error.json"]


def test_an_answer(runtime: Runtimes) -> None:
    store = Memory(a=Stored(RIGHT, "application/json"))
    one = runtime("plain")
    outcome = answer_object(one, ObjectEvent("b", "a", 23, "v1", "id-1"), store.read, store.write, Results("out", "r/"))
    assert outcome == ("answered", 200, "out", "r/a.json", "")
    body, kind = store.written["out/r/a.json"]
    assert json.loads(body) == {"model": "plain", "outputs": {"y": [[4.0, 5.0]]}}
    assert kind == "application/json"
    assert store.reads == [("a", one.config.max_body_bytes)]
    assert '"request_id":"id-1"' in one.lines()  # type: ignore[attr-defined]


def test_too_large_is_known_before_reading(runtime: Runtimes) -> None:
    store = Memory(a=Stored(b" " * 101))
    one = runtime("plain", max_body_bytes=100)
    assert answer_object(one, ObjectEvent("b", "a", 101), store.read, store.write, HERE).status == 413
    assert store.reads == []
    assert answer_object(one, ObjectEvent("b", "a"), store.read, store.write, HERE).status == 413
    assert "the object has 101 bytes or more; the limit is 100 bytes" in store.written["b/results/a.error.json"][0].decode()


def test_the_types_of_the_event_and_of_the_store(runtime: Runtimes) -> None:
    """The store has seen the object last."""
    table = b'price,count,"shop, or web"\n2,4,x\n'
    store = Memory(told=Stored(table), stored=Stored(table, "text/csv"))
    one = runtime("table")
    for event in (ObjectEvent("b", "told", content_type="text/csv"), ObjectEvent("b", "stored", content_type="image/png")):
        assert answer_object(one, event, store.read, store.write, HERE).kind == "answered"


def test_not_ready_comes_again(runtime: Runtimes) -> None:
    store = Memory(a=Stored(RIGHT, "application/json"))
    one = runtime("plain")
    one._engine = None
    with pytest.raises(Transient, match="503"):
        answer_object(one, ObjectEvent("b", "a"), store.read, store.write, HERE)
    assert store.written == {}


def test_what_the_store_raises_is_raised(runtime: Runtimes) -> None:
    def broken(*_: object) -> Stored:
        raise Transient("no network")

    store = Memory(a=Stored(RIGHT, "application/json"))
    with pytest.raises(Transient):
        answer_object(runtime("plain"), ObjectEvent("b", "a"), broken, store.write, HERE)
    with pytest.raises(Transient):
        answer_object(runtime("plain"), ObjectEvent("b", "a"), store.read, broken, HERE)  # type: ignore[arg-type]


def test_gone(runtime: Runtimes) -> None:
    store = Memory()
    assert answer_object(runtime("plain"), ObjectEvent("b", "a"), store.read, store.write, HERE).reason == "it is gone"
    assert store.written == {}
