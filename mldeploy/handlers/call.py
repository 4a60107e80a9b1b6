"""One request while it is being answered: its id, its clock, and what the log line will say about it."""

from __future__ import annotations

import os
from itertools import count
from time import perf_counter

from mldeploy.handlers.message import Request

_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-"
_MAX_ID_LENGTH = 128
_prefix = os.urandom(6).hex()
_numbers = count(1)


def request_id(request: Request) -> str:
    """The caller's or the platform's id when it is safe in a header, a log line and a URN; else a new one."""
    given = request.id or request.headers.get("x-request-id", "")
    if given and len(given) <= _MAX_ID_LENGTH and not given.strip(_ID_ALPHABET):
        return given
    return new_id()


def new_id() -> str:
    """A random part for the process and a running number: unique, and cheaper than a random draw for each request."""
    return f"{_prefix}{next(_numbers):08x}"


class Call:
    """Times are `time.perf_counter()`; 0.0 means not reached. `error` is the problem's slug, `trace` is for the log alone."""

    __slots__ = (
        "error",
        "id",
        "is_cold",
        "is_prediction",
        "request",
        "route",
        "run_ended_s",
        "run_started_s",
        "started_s",
        "trace",
    )

    def __init__(self, request: Request) -> None:
        self.started_s = perf_counter()
        self.request = request
        self.id = request_id(request)
        self.route = "none"
        self.is_prediction = False
        self.is_cold = False
        self.run_started_s = 0.0
        self.run_ended_s = 0.0
        self.error = ""
        self.trace = ""

    def phases_s(self) -> tuple[float, float, float, float, float]:
        """Seconds spent in queue, decode, infer, encode and altogether, up to now."""
        now, started, request = perf_counter(), self.started_s, self.request
        queue = max(0.0, started - request.received_s) if request.received_s else 0.0
        run_started = self.run_started_s or now
        run_ended = self.run_ended_s or now
        return queue, run_started - started, run_ended - run_started, now - run_ended, queue + now - started
