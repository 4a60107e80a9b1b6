"""The Prometheus text: what was counted, in a form that a scraper reads."""

from __future__ import annotations

import re
import threading
from time import time

import pytest

from mldeploy.handlers import metrics as metrics_module
from mldeploy.handlers.metrics import Metrics

SAMPLE = re.compile(r'^[a-z_]+(\{[a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*\})? [0-9.e+-]+$')


def _text(metrics: Metrics, **info: str) -> str:
    return metrics.text({"name": "digits", **info}, True, 3).decode()


def test_every_line_is_a_comment_or_a_sample() -> None:
    metrics = Metrics()
    metrics.begin()
    metrics.finish("predict", 200, 10, 20, (0.0, 0.001, 0.002, 0.003, 0.006), True)
    text = _text(metrics, odd='a "quote", a \\ and a\nbreak')
    names = set()
    for line in text.splitlines():
        if not line.startswith("# "):
            assert SAMPLE.match(line), line
            names.add(re.split(r"[{ ]", line)[0])
    declared = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in names} == declared
    assert text.endswith("\n")


def test_counts() -> None:
    metrics = Metrics()
    for status, phases, is_cold in ((200, (0.0, 0.0002, 0.3, 0.0, 40.0), True), (422, None, False), (200, (0.0,) * 5, False)):
        metrics.begin()
        metrics.finish("predict", status, 10, 20, phases, is_cold)
    metrics.begin()
    metrics.begin()
    metrics.end()
    metrics.queued = lambda: 7
    text = _text(metrics)
    for sample in (
        'mldeploy_requests_total{route="predict",status="200"} 2',
        'mldeploy_requests_total{route="predict",status="422"} 1',
        'mldeploy_request_duration_seconds_bucket{phase="decode",le="0.0001"} 1',
        'mldeploy_request_duration_seconds_bucket{phase="decode",le="0.00025"} 2',
        'mldeploy_request_duration_seconds_bucket{phase="total",le="30.0"} 1',
        'mldeploy_request_duration_seconds_bucket{phase="total",le="+Inf"} 2',
        'mldeploy_request_duration_seconds_sum{phase="infer"} 0.3',
        'mldeploy_request_duration_seconds_count{phase="infer"} 2',
        'mldeploy_predictions_total{start="cold"} 1',
        'mldeploy_predictions_total{start="warm"} 1',
        "mldeploy_in_flight 1",
        "mldeploy_queued 7",
        "mldeploy_ready 1",
        "mldeploy_received_bytes_total 30",
        "mldeploy_sent_bytes_total 60",
        "mldeploy_log_lines_dropped_total 3",
        'mldeploy_model_info{name="digits"} 1',
    ):
        assert sample in text.splitlines()


def test_nothing_is_lost_between_threads() -> None:
    metrics = Metrics()

    def work() -> None:
        for _ in range(500):
            metrics.begin()
            metrics.finish("predict", 200, 1, 1, (0.0,) * 5, False)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 'mldeploy_requests_total{route="predict",status="200"} 2000' in _text(metrics)
    assert metrics.in_flight == 0


def _value(text: str, name: str) -> float:
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def test_the_process_is_measured() -> None:
    text = _text(Metrics())
    assert _value(text, "process_resident_memory_bytes") > 1_000_000
    assert time() - 86_400 < _value(text, "process_start_time_seconds") <= time() + 1


@pytest.mark.parametrize(("platform", "factor"), [("linux", 1024), ("darwin", 1)])
def test_without_proc_there_are_substitutes(monkeypatch: pytest.MonkeyPatch, platform: str, factor: int) -> None:
    import resource
    import sys

    def missing(path: str) -> bytes:
        raise OSError(path)

    monkeypatch.setattr(metrics_module, "_read", missing)
    monkeypatch.setattr(sys, "platform", platform)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    metrics = Metrics()
    assert abs(metrics.started_at - time()) < 60
    assert _value(_text(metrics), "process_resident_memory_bytes") >= peak * factor
