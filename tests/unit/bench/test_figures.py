"""Percentiles, the reading of answers, the plots and the page."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.bench import plot, report, stats
from mldeploy.bench.load import Job, Level, Samples, answer_end, level, request_bytes
from mldeploy.bench.measure import Cold, Memory, Report

NUMBERS = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=50)


def test_percentiles_between_neighbours() -> None:
    assert stats.percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.5
    assert stats.percentile([7.0], 99) == 7.0
    assert stats.median([3.0, 1.0, 2.0]) == 2.0
    with pytest.raises(ValueError, match="no samples"):
        stats.percentile([], 50)


@given(NUMBERS)
def test_percentiles_rise_and_stay_within_the_samples(samples: list[float]) -> None:
    ordered = sorted(samples)
    curve = [stats.percentile(ordered, share) for share in stats.CURVE]
    assert curve[0] == ordered[0]
    assert curve[-1] == ordered[-1]
    assert all(a <= b * (1 + 1e-12) for a, b in pairwise(curve))


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 40),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", None),
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 27),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP", 59),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", None),
    ],
)
def test_where_an_answer_ends(data: bytes, end: int | None) -> None:
    assert answer_end(bytearray(data)) == end


def test_what_is_no_answer() -> None:
    with pytest.raises(ValueError, match="not an HTTP/1 answer"):
        answer_end(bytearray(b"SSH-2.0-OpenSSH\r\n\r\n"))


def test_the_request_is_whole() -> None:
    job = Job("http://127.0.0.1:8080/base/", "/predict", b"{}".hex(), "application/json", {"x-api-key": "k"}, 1, 1.0)
    assert request_bytes(job) == (
        b"POST /base/predict HTTP/1.1\r\nhost: 127.0.0.1:8080\r\ncontent-type: application/json\r\n"
        b"content-length: 2\r\nx-api-key: k\r\n\r\n{}"
    )


def test_failures_are_in_no_figure() -> None:
    samples = Samples()
    samples.latencies_s.extend([0.001, 0.003])
    samples.fail("HTTP 429")
    samples.fail("HTTP 429")
    found = level(2, samples, 2.0)
    assert (found.requests, found.per_second, found.errors) == (2, 1.0, {"HTTP 429": 2})
    assert found.percentiles_ms["p50"] == pytest.approx(2.0)


def a_level(concurrency: int, ms: float = 1.0) -> Level:
    curve = [(share, ms * (1 + share / 50)) for share in stats.CURVE]
    percentiles = {"p50": 2 * ms, "p90": 2.8 * ms, "p95": 2.9 * ms, "p99": 3 * ms}
    return Level(concurrency, 3000, 3.0, 1000.0 * concurrency, percentiles, curve, {})


EMPTY = Level(1, 0, 3.0, 0.0, {}, [], {"HTTP 500": 12})


def a_report(*levels: Level, **more: object) -> Report:
    fields: dict[str, object] = {
        "name": "digits <b>",
        "stage": "dev",
        "provider": "local",
        "url": "http://127.0.0.1:8080",
        "request": "request.json",
        "request_bytes": 225,
        "levels": levels,
        "floor": a_level(1, 0.05),
        "machine": {"processor": "A & B", "cores": "2"},
        "date": "2026-11-21 09:00 UTC",
        **more,
    }
    return Report(**fields)  # type: ignore[arg-type]


FULL = a_report(
    a_level(1), a_level(8, 5), cold=Cold((70.0, 80.0, 75.0)), memory=Memory({"pss": 40_000_000}, {"rss": 50_000_000}, 100)
)


@pytest.mark.parametrize("found", [FULL, a_report(EMPTY), a_report(a_level(1), EMPTY), a_report()])
def test_the_plots_are_well_formed(found: Report) -> None:
    root = ElementTree.fromstring(plot.standalone(found))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = "".join(root.itertext())
    assert "Latency" in text
    assert "Answers a second" in text


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_needs_nothing_from_elsewhere_and_escapes() -> None:
    page = report.html(FULL)
    links = Links()
    links.feed(page)
    assert links.found == []
    assert "digits &lt;b&gt;" in page
    assert "<b>" not in page
    assert "@import" not in page
    assert "url(" not in page
    assert "prefers-color-scheme: dark" in page


def test_the_answer_comes_first_and_the_caveats_with_it() -> None:
    assert report.sentence(FULL) == (
        "digits <b> answers in 2.00 ms (median, 1 at once), up to 8,000 times a second, and starts from nothing in 75 ms."
    )
    assert report.sentence(a_report(EMPTY)) == "digits <b> answered no request successfully."
    said = " ".join(report.caveats(FULL))
    assert "0.10 ms are client and loopback" in said
    assert "2 cores" in said
    assert "page cache" in said
    assert report.caveats(a_report(EMPTY, floor=None, url="https://x.example")) == [
        "12 requests failed; they are in no latency and no throughput figure."
    ]


def test_every_figure_is_in_the_tables() -> None:
    assert report.figures([a_level(1), EMPTY])[1:] == [
        ["1", "2.00", "2.80", "2.90", "3.00", "1,000", "3,000", "0"],
        ["1", "–", "–", "–", "–", "0", "0", "HTTP 500 ×12"],
    ]
    assert report.other_figures(FULL) == [
        ("cold start", "median 75 ms, least 70, most 80, of 3 starts"),
        ("memory when ready", "PSS 40 MB"),
        ("memory after 100 requests", "RSS 50 MB"),
        ("client and loopback", "p50 0.10 ms"),
    ]
    assert report.other_figures(a_report(EMPTY, floor=None, memory=Memory({}, {}, 0)))[0] == ("memory when ready", "unknown")
