"""Log lines for Cloud Logging."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from mldeploy.providers.gcp.entry.log import CloudLog, trace_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"x-cloud-trace-context": f"{TRACE}/123;o=1"}, TRACE),
        ({"x-cloud-trace-context": TRACE}, TRACE),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "x-cloud-trace-context": f"{'a' * 32}/1"}, TRACE),
        ({"traceparent": "00-0-0-0"}, ""),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, ""),
        ({"x-cloud-trace-context": 'x"},{"' + "a" * 26}, ""),
        ({}, ""),
    ],
)
def test_the_trace_of_a_request(headers: dict[str, str], expected: str) -> None:
    assert trace_id(headers) == expected


def written(project: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    reader, writer = os.pipe()
    try:
        log = CloudLog({"model": "m"}, project, writer)
        log.traced(headers, lambda: log.line("error", {"event": "request"}))()
        log.event("warning", "after")
        return [json.loads(line) for line in os.read(reader, 65536).splitlines()]
    finally:
        os.close(reader)
        os.close(writer)


def test_severity_and_trace_are_members() -> None:
    first, second = written("shop-1", {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert (first["severity"], second["severity"]) == ("ERROR", "WARNING")
    assert first["logging.googleapis.com/trace"] == f"projects/shop-1/traces/{TRACE}"
    assert "logging.googleapis.com/trace" not in second


def test_without_a_project_no_trace_is_named() -> None:
    first, _ = written("", {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert "logging.googleapis.com/trace" not in first
