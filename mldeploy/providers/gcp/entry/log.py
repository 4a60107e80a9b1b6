"""The runtime's log lines with the two members that Cloud Logging reads: `severity`, and the trace that a request belongs to.

    {"ts": …, "level": "error", …, "severity": "ERROR", "logging.googleapis.com/trace": "projects/P/traces/T", …}

The trace is written where GOOGLE_CLOUD_PROJECT names the project: without it the name of a trace is not complete.
"""

from __future__ import annotations

from _thread import _local
from collections.abc import Callable, Mapping
from typing import Any

from mldeploy.handlers.log import Log

_TRACE = "logging.googleapis.com/trace"
_TRACE_DIGITS = 32


class CloudLog(Log):
    """A Log for Cloud Logging. `project` may be empty: then no line names a trace."""

    __slots__ = ("_here", "_project")

    def __init__(self, context: dict[str, str], project: str, fd: int = 1) -> None:
        super().__init__(context, fd)
        self._project = project
        self._here = _local()

    def line(self, level: str, fields: dict[str, Any], times: bytes = b"") -> None:
        members: dict[str, Any] = {"severity": level.upper()}
        trace = getattr(self._here, "trace", "")
        if trace:
            members[_TRACE] = trace
        super().line(level, members | fields, times)

    def traced(self, headers: Mapping[str, str], work: Callable[[], object]) -> Callable[[], object]:
        """`work`, with what it logs belonging to the trace of the request with these headers."""
        trace = trace_id(headers) if self._project else ""
        if not trace:
            return work

        def do() -> None:
            self._here.trace = f"projects/{self._project}/traces/{trace}"
            try:
                work()
            finally:
                self._here.trace = ""

        return do


def trace_id(headers: Mapping[str, str]) -> str:
    """The trace a request belongs to, 32 hexadecimal digits, or nothing. W3C's header goes before Google's older one."""
    parent = headers.get("traceparent", "").split("-")
    told = parent[1] if len(parent) >= 4 else headers.get("x-cloud-trace-context", "").partition("/")[0]
    is_trace = len(told) == _TRACE_DIGITS and not told.strip("0123456789abcdef") and told.strip("0") != ""
    return told if is_trace else ""
