"""The document as tables and lists: every figure of the plots in words, every assumption, every source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from mldeploy.cost.document_shape import BillRow, Document, OptionRow
from mldeploy.cost.report import wording
from mldeploy.cost.report.wording import looks

MOST_ROWS = 250
_TEXTS = ("region", "place", "source", "title", "as of", "confidence")
_WORDS = {
    "third-party": "third-party rate",
    "derived": "derived rate",
    "not-deployable": "for comparison only",
}


def table(header: Sequence[str], rows: Iterable[Sequence[str]], css: str = "", caption: str = "") -> str:
    """Cells are HTML, whole `<td>…</td>` or `<th>…</th>`; the header is text. It scrolls inside itself where it has to."""
    head = "".join(f'<th scope="col"{_class("text" if words in _TEXTS else "")}>{escape(words)}</th>' for words in header)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    told = f'<caption class="seen">{escape(caption)}</caption>' if caption else ""
    named = f' class="{css}"' if css else ""
    # A region that scrolls can be reached by the keyboard only when it can have the focus.
    return (
        f'<div class="wide tall" tabindex="0" role="region" aria-label="{escape(caption or "table")}">'
        f"<table{named}>{told}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def cell(words: str, value: float | None = None, css: str = "") -> str:
    """`value` is what the column is sorted by; unknown ones come last."""
    by = "" if value is None else f' data-value="{value:.12g}"'
    return f"<td{by}{_class(css)}>{escape(words)}</td>"


def head_cell(words: str, css: str = "") -> str:
    return f'<th scope="row"{_class(css)}>{escape(words)}</th>'


def name(row: OptionRow) -> str:
    """Cloud and region first, as they are what is chosen; product and size smaller."""
    size = escape(f"{row['product_title']} · {row['config']}")
    where = escape(f"{row['title']} {row['region']}")
    return f'<span><span class="own">{where}</span> <small class="soft">{size}</small></span>'


def _class(css: str) -> str:
    return f' class="{css}"' if css else ""


def options(document: Document) -> str:
    """Every option, what is unknown included. Very long comparisons are cut, and say so."""
    rows = _kept(document)
    has_percentiles = any(row["p95_ms"] is not None and not row["is_p95_mean"] for row in rows)
    look = looks(document)
    header = [
        "option",
        "total a month",
        "fixed",
        "variable",
        "per 1,000",
        "p95" if has_percentiles else "mean time",
        "gCO₂e per 1,000",
        "free tier",
    ]
    lines = [
        [
            f'<th scope="row" class="{look[row["cloud"]].css}">{name(row)}{_remarks(row)}</th>',
            cell(wording.money(row["total_usd"]), row["total_usd"], "total"),
            cell(wording.money(row["fixed_usd"]), row["fixed_usd"]),
            cell(wording.money(row["variable_usd"]), row["variable_usd"]),
            cell(wording.money(row["per_1k_usd"]), row["per_1k_usd"]),
            cell(wording.millis(row["p95_ms"]) + (" (mean)" if has_percentiles and row["is_p95_mean"] else ""), row["p95_ms"]),
            cell(wording.grams(row["carbon_g_per_1k"]), row["carbon_g_per_1k"]),
            cell(f"−{wording.money(row['free_tier_usd'])}" if row["free_tier_usd"] else "–", row["free_tier_usd"]),
        ]
        for row in rows
    ]
    missing = len(document["options"]) - len(rows)
    cut = f'<p class="soft">{missing:,} more options are left out here; `--format csv` has all.</p>' if missing else ""
    return table(header, lines, "sortable", "Every option: dollars a month, latency, carbon") + cut + _notes(rows)


def _notes(rows: Iterable[OptionRow]) -> str:
    """Why some products are there for comparison only, once each."""
    notes = {row["product_title"]: row["note"] for row in rows if not row["is_deployable"] and row["note"]}
    items = "".join(f"<li>{escape(f'{product}: {note}')}</li>" for product, note in notes.items())
    return f"<p>For comparison only:</p><ul>{items}</ul>" if items else ""


def _kept(document: Document) -> list[OptionRow]:
    """What is drawn or marked, then the rest as far as there is room, in the document's order."""
    told = document["bills"].keys()
    rest = MOST_ROWS - len(told)
    found = []
    for row in document["options"]:
        is_told = row["id"] in told
        if is_told or rest > 0:
            found.append(row)
            rest -= not is_told
    return found


def _remarks(row: OptionRow) -> str:
    said = remarks(row)
    return f" <small>{escape(said)}</small>" if said else ""


def remarks(row: OptionRow) -> str:
    """What a reader must know of one row: why there is no total first, what it is chosen for, how sure its figures are."""
    said = [row["problem"]] if row["problem"] else []
    said += ["chosen"] if row["is_cheapest"] else []
    said += ["on the front"] if row["is_on_front"] else []
    said += ["p95 is after a cold start"] if row["is_p95_cold"] else []
    said += [_WORDS.get(mark, mark) for mark in row["marks"]]
    return "; ".join(said)


def regions(document: Document) -> str:
    look = looks(document)
    rows = [
        [
            head_cell(f"{row['title']} {row['region']}", f"own {look[row['cloud']].css}"),
            cell(row["region_title"], css="text"),
            cell(wording.money(row["total_usd"]), row["total_usd"]),
            cell(wording.grams(row["carbon_g_per_1k"]), row["carbon_g_per_1k"]),
        ]
        for row in document["regions"]
    ]
    caption = "The cheapest option that can be deployed in each region"
    return table(["region", "place", "dollars a month", "gCO₂e per 1,000"], rows, "sortable", caption)


def curves(document: Document, curves_shown: Sequence[tuple[OptionRow, Sequence[tuple[float, float]]]]) -> str:
    """The curves' values at powers of ten, for those who cannot see the plot."""
    from mldeploy.cost.report.cost_plot import value_at
    from mldeploy.drawing.scale import log_ticks

    reach = [at for _, points in curves_shown for at, _ in points]
    at_ten = [at for at in log_ticks(min(reach), max(reach), 14) if f"{at:e}".startswith("1.0")]
    asked = document["workload"]["requests"]
    columns = sorted({*at_ten, *([asked] if min(reach) <= asked <= max(reach) else [])})
    rows = [[head_cell(wording.name(row)), *(_value(value_at(points, at)) for at in columns)] for row, points in curves_shown]
    return table(["requests a month", *map(wording.compact, columns)], rows, "", "Dollars a month by requests a month")


def _value(usd: float | None) -> str:
    return cell("–" if usd is None else wording.money(usd))


def bills(document: Document) -> str:
    """Of each option that is drawn or marked: quantity × rate, position by position, each with its source."""
    rows = {row["id"]: row for row in document["options"]}
    return "".join(_bill(rows[name], lines) for name, lines in document["bills"].items() if name in rows)


def _bill(row: OptionRow, lines: Sequence[BillRow]) -> str:
    total = wording.money(row["total_usd"])
    header = ["position", "amount", "quantity", "free", "price", "source"]
    body = [
        [
            _position(line),
            cell(wording.money(line["amount_usd"])),
            cell(f"{wording.quantity(line['quantity'])} {line['unit']}"),
            cell(_free(line)),
            cell(f"{wording.price(line['price'])}{' at first' if line['is_tiered'] else ''}" + _factor(line)),
            f'<td class="text"><a href="#{anchor(row["cloud"], line["source"])}">{escape(line["source"])}</a></td>',
        ]
        for line in lines
    ]
    name = escape(wording.name(row))
    origin = f'<p class="soft">{escape(row["timing_origin"])}</p>' if row["timing_origin"] else ""
    inner = table(header, body, "bill", "Bill") if lines else "<p>There is no bill.</p>"
    return f"<details><summary><b>{total}</b> {name}</summary>{origin}{inner}</details>"


def _position(line: BillRow) -> str:
    """What is counted, and the arithmetic behind the quantity."""
    title = escape(f"{line['title']}{' (fixed)' if line['is_fixed'] else ''}")
    how = escape(line["how"] + (f" ({line['note']})" if line["note"] else ""))
    return f'<th scope="row">{title} <small class="soft">{how}</small></th>'


def _free(line: BillRow) -> str:
    if line["credit_usd"]:
        return f"−{wording.money(line['credit_usd'])}"
    return wording.quantity(line["free"]) if line["free"] else "–"


def _factor(line: BillRow) -> str:
    return f" × {line['factor']:g}" if line["factor"] != 1 else ""


def anchor(provider: str, key: str) -> str:
    """An id for a source: letters, digits and dashes alone."""
    return "source-" + "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in f"{provider}-{key}")


def sources(document: Document) -> str:
    """Each source once. Only http and https become links; nothing is loaded before somebody follows one."""
    rows = []
    for row in document["sources"]:
        is_link = row["url"].startswith(("https://", "http://"))
        title = escape(row["title"])
        linked = f'<a href="{escape(row["url"])}" rel="noreferrer noopener">{title}</a>' if is_link else title
        name = escape(f"{row['provider']} {row['key']}")
        named = f'<th scope="row" id="{anchor(row["provider"], row["key"])}">{name}</th>'
        shown = "" if is_link else f" {escape(row['url'])}"
        rows.append([named, f'<td class="text">{linked}{shown}</td>', cell(row["date"]), cell(row["confidence"], css="text")])
    return table(["source", "title", "as of", "confidence"], rows, "", "Sources")
