"""The report as one self-contained HTML page: the answer in a sentence, the plots, then every figure and circumstance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from mldeploy.bench.load import Level
from mldeploy.bench.measure import Report
from mldeploy.bench.plot import latency, throughput
from mldeploy.bench.stats import median
from mldeploy.drawing import theme


def sentence(report: Report) -> str:
    """The answer in a sentence."""
    done = [level for level in report.levels if level.percentiles_ms]
    if not done:
        return f"{report.name} answered no request successfully."
    first, best = done[0], max(done, key=lambda level: level.per_second)
    cold = f", and starts from nothing in {median(report.cold.samples_ms):.0f} ms" if report.cold else ""
    return (
        f"{report.name} answers in {first.percentiles_ms['p50']:.2f} ms (median, {first.concurrency} at once), "
        f"up to {best.per_second:,.0f} times a second{cold}."
    )


def caveats(report: Report) -> list[str]:
    """What a reader must know to judge the figures."""
    said = []
    if report.floor is not None and report.floor.percentiles_ms:
        p50 = report.floor.percentiles_ms["p50"]
        said.append(
            f"Of each latency, about {p50:.2f} ms are client and loopback: what the same client saw from a server that "
            "does nothing, with the same request and answer sizes."
        )
    if report.provider and report.url.startswith("http://127."):
        cores, load = (report.machine.get(key, "?") for key in ("cores", "load before"))
        said.append(
            f"Client and server shared this machine's {cores} cores; whatever else ran on them (load before the run: "
            f"{load}) made every figure worse."
        )
    if report.cold is not None:
        said.append(
            "Cold start: spawn of the runtime to its first answer on this machine, files in the page cache. "
            "It holds no container start and no network."
        )
    if report.errors:
        said.append(f"{report.errors:,} requests failed; they are in no latency and no throughput figure.")
    return said


def figures(levels: Sequence[Level]) -> list[list[str]]:
    """The table of levels, header first."""
    rows = [["at once", "p50 ms", "p90", "p95", "p99", "a second", "requests", "errors"]]
    for level in levels:
        known = level.percentiles_ms
        shares = [f"{known[key]:.2f}" if known else "–" for key in ("p50", "p90", "p95", "p99")]
        counts = [f"{level.per_second:,.0f}", f"{level.requests:,}", failures(level.errors)]
        rows.append([f"{level.concurrency}", *shares, *counts])
    return rows


def failures(errors: Mapping[str, int]) -> str:
    """`HTTP 429 ×12`, or "0"."""
    return ", ".join(f"{name} ×{number:,}" for name, number in sorted(errors.items())) or "0"


def other_figures(report: Report) -> list[tuple[str, str]]:
    """Cold start and memory, as title and text."""
    found = []
    if report.cold is not None:
        samples = sorted(report.cold.samples_ms)
        found.append(
            (
                "cold start",
                f"median {median(samples):.0f} ms, least {samples[0]:.0f}, most {samples[-1]:.0f}, of {len(samples)} starts",
            )
        )
    if report.memory is not None:
        found.append(("memory when ready", _memory(report.memory.ready)))
        found.append((f"memory after {report.memory.requests} requests", _memory(report.memory.loaded)))
    if report.floor is not None and report.floor.percentiles_ms:
        found.append(("client and loopback", f"p50 {report.floor.percentiles_ms['p50']:.2f} ms"))
    return found


def _memory(known: Mapping[str, int]) -> str:
    titles = {"pss": "PSS", "rss": "RSS", "peak_rss": "peak RSS"}
    return ", ".join(f"{titles[name]} {value / 1e6:.0f} MB" for name, value in known.items()) or "unknown"


def _rows(rows: Iterable[Sequence[str]]) -> str:
    header, *body = rows
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in body)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f'<tr><td>{escape(name)}</td><td class="text">{escape(value)}</td></tr>' for name, value in pairs)
    return f'<div class="wide"><table><tbody>{lines}</tbody></table></div>'


def html(report: Report) -> str:
    """The whole page; nothing in it is loaded from elsewhere."""
    circumstances = [
        ("deployment", f"{report.name} · stage {report.stage} · {report.provider} · {report.url}"),
        ("request", f"{report.request} ({report.request_bytes:,} bytes)"),
        ("date", report.date),
        *report.machine.items(),
    ]
    notes = "".join(f"<p class='soft'>{escape(text)}</p>" for text in caveats(report))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(report.name)}: benchmark</title><style>{theme.COLOURS}{theme.PAGE}{theme.PLOT}</style></head><body>"
        f"<h1>{escape(sentence(report))}</h1>{notes}"
        f"{latency(report.levels)}{throughput(report.levels)}"
        f"<h2>Every figure</h2>{_rows(figures(report.levels))}{_pairs(other_figures(report))}"
        f"<h2>Measured on</h2>{_pairs(circumstances)}</body></html>\n"
    )
