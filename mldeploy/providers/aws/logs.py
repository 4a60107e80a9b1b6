"""The function's log in CloudWatch, line by line, oldest first: the runtime's own lines, and Lambda's START, END and REPORT.

filter_log_events ─▶ events, a page at a time ─▶ lines          follow: asked again from the last event on
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from mldeploy.errors import DeployError
from mldeploy.providers.aws.client import Clients, asking, code_of

POLL_S = 2.0
# CloudWatch takes events some seconds after they happened: so far back is looked again, and what was told is left out.
LATE_MS = 30_000
# Backwards in these steps, until there are enough lines for `tail`.
_WINDOWS_S = (600, 6 * 3600, 7 * 86400)


def lines(
    clients: Clients,
    group: str,
    *,
    follow: bool,
    since_s: float | None,
    tail: int | None,
    now_s: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Log lines. Raises DeployError when there is no such log, ProviderError without credentials."""
    start_ms = 0 if since_s is None else int((now_s() - since_s) * 1000)
    seen: dict[str, int] = {}
    latest_ms = start_ms
    for event in _first(clients, group, start_ms, tail, now_s):
        seen[event["eventId"]] = event["timestamp"]
        latest_ms = max(latest_ms, event["timestamp"])
        yield from _split(event)
    if not follow:
        return
    if not seen:
        latest_ms = max(start_ms, int(now_s() * 1000) - LATE_MS)
    while True:
        sleep(POLL_S)
        from_ms = max(start_ms, latest_ms - LATE_MS)
        for event in _events(clients, group, from_ms):
            if event["eventId"] not in seen:
                seen[event["eventId"]] = event["timestamp"]
                latest_ms = max(latest_ms, event["timestamp"])
                yield from _split(event)
        seen = {name: at_ms for name, at_ms in seen.items() if at_ms >= from_ms - LATE_MS}


def _first(
    clients: Clients, group: str, start_ms: int, tail: int | None, now_s: Callable[[], float]
) -> Iterator[dict[str, Any]]:
    """What is there already: all since `start_ms`, or the events that hold the last `tail` lines of it."""
    if tail is None:
        yield from _events(clients, group, start_ms)
        return
    for window_s in (*_WINDOWS_S, None):
        from_ms = start_ms if window_s is None else max(start_ms, int((now_s() - window_s) * 1000))
        found = deque(_events(clients, group, from_ms), maxlen=max(tail, 1))
        if len(found) >= tail or from_ms == start_ms:
            break
    yield from found if tail else ()


def _events(clients: Clients, group: str, start_ms: int) -> Iterator[dict[str, Any]]:
    """Every event from `start_ms` on, in the order of their times."""
    request: dict[str, Any] = {"logGroupName": group, "startTime": start_ms, "interleaved": True}
    while True:
        page = _page(clients, group, request)
        yield from page["events"]
        if not page.get("nextToken"):
            return
        request["nextToken"] = page["nextToken"]


def _page(clients: Clients, group: str, request: dict[str, Any]) -> dict[str, Any]:
    with asking(f"the log {group} cannot be read"):
        try:
            page: dict[str, Any] = clients("logs").filter_log_events(**request)
        except Exception as error:
            if code_of(error) == "ResourceNotFoundException":
                raise DeployError(f"there is no log {group}", "mldeploy up --cloud aws") from error
            raise
    return page


def _split(event: dict[str, Any]) -> Iterator[str]:
    """One event is one write of the runtime, which may hold several lines."""
    for line in str(event["message"]).splitlines():
        if line.strip():
            yield line
