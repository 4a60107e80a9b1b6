"""The two values at the runtime's edge. Entry points translate into `Request` and out of `Response`, and decide nothing."""

from __future__ import annotations

from typing import NamedTuple


class Request(NamedTuple):
    """One call, whatever carried it.

    `headers` has lower-case names; repeated headers are joined with ", ". `path` is percent-decoded and starts with "/".
    `id` is the caller's x-request-id (or the platform's request id); empty means: make one. `received_s` is
    `time.perf_counter()` when the last byte arrived, for the queue time; 0.0 means: not measured.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    id: str = ""
    received_s: float = 0.0


class Response(NamedTuple):
    """The answer. `headers` holds every header but content-length, connection and date, names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
