"""Counters, gauges and histograms of one process, written out as Prometheus text (exposition format 0.0.4).

    mldeploy_requests_total{route,status}            mldeploy_request_duration_seconds{phase}   predictions only
    mldeploy_predictions_total{start}                mldeploy_in_flight, mldeploy_queued, mldeploy_ready
    mldeploy_received_bytes_total, _sent_            mldeploy_log_lines_dropped_total
    mldeploy_model_info, mldeploy_load_seconds       process_resident_memory_bytes, process_start_time_seconds

Phases are queue, decode, infer, encode and total. Label values come from fixed sets, never from a caller. One lock, held for a
microsecond.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable
from threading import Lock
from time import time

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PHASES = ("queue", "decode", "infer", "encode", "total")
BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

Phases = tuple[float, float, float, float, float]


def _nobody() -> int:
    return 0


class Metrics:
    """`queued` is asked when the text is written: the server sets it to a function that counts waiting requests."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: dict[tuple[str, int], int] = {}
        self._buckets = [[0] * (len(BOUNDS_S) + 1) for _ in PHASES]
        self._sums = [0.0] * len(PHASES)
        self._starts = {"cold": 0, "warm": 0}
        self._received = 0
        self._sent = 0
        self.in_flight = 0
        self.load_s = 0.0
        self.queued: Callable[[], int] = _nobody
        self.started_at = _process_start_time()

    def begin(self) -> None:
        """A request is being worked on."""
        with self._lock:
            self.in_flight += 1

    def end(self) -> None:
        """A request was given up without an answer to count."""
        with self._lock:
            self.in_flight -= 1

    def finish(self, route: str, status: int, received: int, sent: int, phases_s: Phases | None, is_cold: bool) -> None:
        """The answer is made: body bytes in and out and, for a prediction, its phases in seconds in the order of PHASES."""
        key = (route, status)
        with self._lock:
            self.in_flight -= 1
            self._requests[key] = self._requests.get(key, 0) + 1
            self._received += received
            self._sent += sent
            if phases_s is not None:
                self._starts["cold" if is_cold else "warm"] += 1
                for index, seconds in enumerate(phases_s):
                    self._buckets[index][bisect_left(BOUNDS_S, seconds)] += 1
                    self._sums[index] += seconds

    def text(self, info: dict[str, str], is_ready: bool, dropped_lines: int) -> bytes:
        """The exposition. `info` are the labels of mldeploy_model_info."""
        with self._lock:
            requests = sorted(self._requests.items())
            buckets = [list(row) for row in self._buckets]
            sums, starts = list(self._sums), dict(self._starts)
            received, sent, in_flight = self._received, self._sent, self.in_flight
        lines: list[str] = []
        _family(
            lines,
            "mldeploy_requests_total",
            "counter",
            "Requests answered.",
            ((f'route="{route}",status="{status}"', count) for (route, status), count in requests),
        )
        _histogram(lines, buckets, sums)
        _family(
            lines,
            "mldeploy_predictions_total",
            "counter",
            "Predictions, by whether the process was cold.",
            ((f'start="{start}"', count) for start, count in starts.items()),
        )
        for name, kind, text, value in (
            ("mldeploy_in_flight", "gauge", "Requests being worked on.", in_flight),
            ("mldeploy_queued", "gauge", "Requests waiting.", self.queued()),
            ("mldeploy_ready", "gauge", "1 when the model is loaded and accepts requests.", int(is_ready)),
            ("mldeploy_received_bytes_total", "counter", "Request body bytes.", received),
            ("mldeploy_sent_bytes_total", "counter", "Response body bytes.", sent),
            ("mldeploy_log_lines_dropped_total", "counter", "Log lines that could not be written.", dropped_lines),
            ("mldeploy_load_seconds", "gauge", "Time to load and warm up the model.", self.load_s),
            ("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", _resident_bytes()),
            ("process_start_time_seconds", "gauge", "Start time of the process since the epoch in seconds.", self.started_at),
        ):
            _family(lines, name, kind, text, (("", value),))
        labels = ",".join(f'{key}="{_escape(value)}"' for key, value in info.items())
        _family(lines, "mldeploy_model_info", "gauge", "The model that is served.", ((labels, 1),))
        return ("\n".join(lines) + "\n").encode()


def _family(lines: list[str], name: str, kind: str, text: str, samples: Iterable[tuple[str, float]]) -> None:
    lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in samples]


def _histogram(lines: list[str], buckets: list[list[int]], sums: list[float]) -> None:
    name = "mldeploy_request_duration_seconds"
    lines += [f"# HELP {name} Time a prediction spent in each phase.", f"# TYPE {name} histogram"]
    for phase, counts, total in zip(PHASES, buckets, sums, strict=True):
        seen = 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), counts, strict=True):
            seen += count
            lines.append(f'{name}_bucket{{phase="{phase}",le="{bound}"}} {seen}')
        lines += [f'{name}_sum{{phase="{phase}"}} {total}', f'{name}_count{{phase="{phase}"}} {seen}']


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _process_start_time() -> float:
    """When the process was started: from /proc where there is one, else now."""
    try:
        ticks = int(_read("/proc/self/stat").rpartition(b")")[2].split()[19])
        machine = _read("/proc/stat").splitlines()
        boot = next(int(line.split()[1]) for line in machine if line.startswith(b"btime"))
        return boot + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, StopIteration):
        return time()


def _resident_bytes() -> int:
    """Resident memory now: from /proc where there is one, else the peak that the system knows."""
    try:
        return int(_read("/proc/self/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource
        import sys

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
