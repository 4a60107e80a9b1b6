"""The runtime's own lines out of Cloud Logging, oldest first; following asks again every few seconds.

entries:list ─▶ textPayload as it is · jsonPayload as one JSON line        Cloud Run's request log is left out
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mldeploy.providers.gcp.client import Client

POLL_S = 3.0  # the API allows a project 60 reads a minute
LATE_S = 20.0  # entries arrive a little late and not quite in order
PAGE = 1000
# The container's output, and Cloud Run's own words about it (killed for memory, failed to start).
STREAMS = ("run.googleapis.com/stdout", "run.googleapis.com/stderr", "run.googleapis.com/varlog/system")

Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


def lines(
    client: Client,
    document: Mapping[str, Any],
    *,
    follow: bool,
    since_s: float | None,
    tail: int | None,
    clock: Clock = now,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Without `since_s` everything that Cloud Logging still has. `follow` goes on until the caller stops."""
    started = clock()
    since = started - timedelta(seconds=since_s) if since_s is not None else None
    seen: dict[str, datetime] = {}
    for entry in _last(client, document, since, tail) if tail is not None else _all(client, document, since):
        seen[_key(entry)] = _stamp(entry, started)
        yield text(entry)
    while follow:
        sleep(POLL_S)
        newest = max(seen.values(), default=started)
        start = max(newest, started) - timedelta(seconds=LATE_S)
        seen = {key: at for key, at in seen.items() if at >= start}
        for entry in _all(client, document, start if since is None else max(start, since)):
            if _key(entry) not in seen and (tail is None or _stamp(entry, started) >= started):
                seen[_key(entry)] = _stamp(entry, started)
                yield text(entry)


def text(entry: Mapping[str, Any]) -> str:
    """One line as the runtime wrote it: what it writes as JSON comes back with its members sorted."""
    if "textPayload" in entry:
        return str(entry["textPayload"]).rstrip("\r\n")
    payload = entry.get("jsonPayload") or entry.get("protoPayload") or {}
    return json.dumps(payload, ensure_ascii=True, separators=(",", ":"))


def log_filter(document: Mapping[str, Any], since: datetime | None = None) -> str:
    """The filter in Cloud Logging's language."""
    parts = [
        'resource.type="cloud_run_revision"',
        f'resource.labels.service_name="{document["name"]}"',
        f'resource.labels.location="{document["region"]}"',
        "(" + " OR ".join(f'log_id("{stream}")' for stream in STREAMS) + ")",
    ]
    if document.get("log_severity", "DEFAULT") != "DEFAULT":
        parts.append(f"severity>={document['log_severity']}")
    if since is not None:
        parts.append(f'timestamp>="{since.isoformat()}"')
    return " AND ".join(parts)


def _all(client: Client, document: Mapping[str, Any], since: datetime | None) -> Iterator[dict[str, Any]]:
    """Oldest first, over all pages."""
    token = ""
    while True:
        page = _page(client, document, since, "timestamp asc", PAGE, token)
        yield from page.get("entries") or ()
        token = page.get("nextPageToken", "")
        if not token:
            return


def _last(client: Client, document: Mapping[str, Any], since: datetime | None, tail: int) -> list[dict[str, Any]]:
    """The last `tail` entries, oldest first."""
    if tail <= 0:
        return []
    found: list[dict[str, Any]] = []
    token = ""
    while len(found) < tail:
        page = _page(client, document, since, "timestamp desc", min(PAGE, tail - len(found)), token)
        found += page.get("entries") or ()
        token = page.get("nextPageToken", "")
        if not token:
            break
    return found[:tail][::-1]


def _page(
    client: Client, document: Mapping[str, Any], since: datetime | None, order: str, size: int, token: str
) -> dict[str, Any]:
    body = {
        "resourceNames": [f"projects/{document['project']}"],
        "filter": log_filter(document, since),
        "orderBy": order,
        "pageSize": size,
    }
    return client.call("POST", "logging", "v2/entries:list", {**body, "pageToken": token} if token else body)


def _key(entry: Mapping[str, Any]) -> str:
    return f"{entry.get('timestamp', '')} {entry.get('insertId', '')}"


def _stamp(entry: Mapping[str, Any], default: datetime) -> datetime:
    """Google writes nanoseconds, which Python does not read."""
    whole, _, fraction = str(entry.get("timestamp", "")).removesuffix("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{whole}.{fraction[:6].ljust(6, '0')}+00:00")
    except ValueError:
        return default
