"""The books of one answer: the headers that every answer has, its log line, its place in the counters.

Call + Response ─finish─▶ the answer as it goes out, and its Account ─settle─▶ one log line, metrics
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mldeploy.handlers.call import Call
from mldeploy.handlers.log import Log, clean
from mldeploy.handlers.message import Response
from mldeploy.handlers.metrics import Metrics, Phases

_SERVER_TIMING = "queue;dur=%.3f, decode;dur=%.3f, infer;dur=%.3f, encode;dur=%.3f"
_LOG_TOTAL = b'"ms_total":%.3f'
_LOG_PHASES = b'"ms_queue":%.3f,"ms_decode":%.3f,"ms_infer":%.3f,"ms_encode":%.3f,"ms_total":%.3f'


class Account(NamedTuple):
    """The books of one answer, to be closed once: `settle` writes the log line and counts it, `drop` forgets it (somebody else
    has answered in the meantime). Neither raises."""

    settle: Callable[[], object]
    drop: Callable[[], object]


def finish(log: Log, metrics: Metrics, call: Call, response: Response, bytes_in: int = 0) -> tuple[Response, Account]:
    """Add the headers that every answer has. `bytes_in` counts where the body was never taken in."""
    phases = call.phases_s()
    ms = tuple([seconds * 1e3 for seconds in phases])
    headers = (*response.headers, ("x-request-id", call.id))
    if call.is_prediction:
        start = "cold" if call.is_cold else "warm"
        headers += (("server-timing", _SERVER_TIMING % ms[:4]), ("x-mldeploy-start", start))
    received, sent = bytes_in or len(call.request.body), len(response.body)
    answer = Response(response.status, headers, response.body)
    return answer, Account(lambda: _settle(log, metrics, call, response.status, phases, ms, received, sent), metrics.end)


def _settle(
    log: Log, metrics: Metrics, call: Call, status: int, phases_s: Phases, ms: tuple[float, ...], bytes_in: int, bytes_out: int
) -> None:
    """Write the log line, count."""
    try:
        line: dict[str, Any] = {
            "event": "request",
            "request_id": call.id,
            "method": clean(call.request.method, 20),
            "path": clean(call.request.path),
            "route": call.route,
            "status": status,
            "bytes_in": bytes_in,
            "bytes_out": bytes_out,
        }
        if call.is_prediction:
            line["start"] = "cold" if call.is_cold else "warm"
        if call.error:
            line["error"] = call.error
            if call.trace:
                line["traceback"] = call.trace
        times = _LOG_PHASES % ms if call.is_prediction else _LOG_TOTAL % ms[4:]
        log.line("error" if status >= 500 else "info", line, times)
    finally:
        has_run = call.run_started_s > 0
        metrics.finish(call.route, status, bytes_in, bytes_out, phases_s if has_run else None, call.is_cold)
