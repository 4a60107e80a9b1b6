"""Cloud Logging's entries as plain lines, against the stand-in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from gcp_specs import document
from google_standin import Asked, Google

from mldeploy.providers.gcp import logs
from mldeploy.providers.gcp.client import Client

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def entry(second: float, text: str | dict[str, Any], name: str = "") -> dict[str, Any]:
    stamp = (NOW + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"
    payload = {"textPayload": text} if isinstance(text, str) else {"jsonPayload": text}
    return {"timestamp": stamp, "insertId": name or f"i{second}", **payload}


class Store:
    """Entries as Cloud Logging gives them: in the order asked for, from the time asked for, page by page."""

    def __init__(self, google: Google, entries: list[dict[str, Any]]) -> None:
        self.entries = entries
        google.tell("POST", "/logging/v2/entries:list", self._list)

    def _list(self, asked: Asked) -> tuple[int, Any]:
        body = asked.json()
        since = re.search(r'timestamp>="([^"]+)"', body["filter"])
        found = sorted(self.entries, key=lambda each: each["timestamp"])
        if since:
            found = [each for each in found if logs._stamp(each, NOW) >= datetime.fromisoformat(since[1])]
        if body["orderBy"] == "timestamp desc":
            found.reverse()
        start = int(body.get("pageToken") or 0)
        end = start + min(2, body["pageSize"])
        return 200, {"entries": found[start:end], **({"nextPageToken": str(end)} if end < len(found) else {})}


@pytest.fixture
def client(google: Google) -> Iterator[Client]:
    with Client.open("shop-1") as client:
        yield client


def read(client: Client, folder: Path, **options: Any) -> Iterator[str]:
    given = {"follow": False, "since_s": None, "tail": None, "clock": lambda: NOW, "sleep": lambda _: None, **options}
    return logs.lines(client, document(folder), **given)


def test_all_lines_oldest_first_over_all_pages(google: Google, client: Client, tmp_path: Path) -> None:
    Store(google, [entry(-second, f"line {second}\n") for second in range(5)])
    assert list(read(client, tmp_path)) == [f"line {second}" for second in (4, 3, 2, 1, 0)]


def test_the_last_ones(google: Google, client: Client, tmp_path: Path) -> None:
    Store(google, [entry(-second, f"line {second}") for second in range(5)])
    assert list(read(client, tmp_path, tail=3)) == ["line 2", "line 1", "line 0"]
    assert list(read(client, tmp_path, tail=0)) == []


def test_since(google: Google, client: Client, tmp_path: Path) -> None:
    Store(google, [entry(-second, f"line {second}") for second in range(5)])
    assert list(read(client, tmp_path, since_s=2.5)) == ["line 2", "line 1", "line 0"]


def test_json_is_one_line(google: Google, client: Client, tmp_path: Path) -> None:
    Store(google, [entry(0, {"status": 200, "path": "/a\u2028b"})])
    assert list(read(client, tmp_path)) == ['{"status":200,"path":"/a\\u2028b"}']


def test_following_misses_nothing_and_repeats_nothing(google: Google, client: Client, tmp_path: Path) -> None:
    store = Store(google, [entry(-1, "before")])
    late = iter([[entry(1, "one")], [], [entry(3, "three"), entry(2, "two, which came late")]])
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        store.entries += next(late)

    found = list(islice(read(client, tmp_path, follow=True, sleep=sleep), 4))
    assert found == ["before", "one", "two, which came late", "three"]
    assert slept == [logs.POLL_S] * 3
    assert logs.POLL_S * 60 >= 60, "the API allows sixty reads a minute"


def test_following_from_now_on_shows_nothing_older(google: Google, client: Client, tmp_path: Path) -> None:
    store = Store(google, [entry(-5, "old")])
    found = islice(read(client, tmp_path, follow=True, tail=0, sleep=lambda _: store.entries.append(entry(1, "new"))), 1)
    assert list(found) == ["new"]


def test_it_asks_for_this_service_only(google: Google, client: Client, tmp_path: Path) -> None:
    Store(google, [])
    text = "clouds: {gcp: {project: shop-1, log_severity: WARNING}}\n"
    list(logs.lines(client, document(tmp_path, text), follow=False, since_s=None, tail=None))
    body = google.of("POST", "/logging/.*")[0].json()
    assert body["resourceNames"] == ["projects/shop-1"]
    assert body["filter"] == (
        'resource.type="cloud_run_revision" AND resource.labels.service_name="digits-dev" AND '
        'resource.labels.location="europe-west1" AND (log_id("run.googleapis.com/stdout") OR '
        'log_id("run.googleapis.com/stderr") OR log_id("run.googleapis.com/varlog/system")) AND severity>=WARNING'
    )
