"""How the report writes things: money, counts, names; and which colour and shape each cloud has, everywhere the same."""

from __future__ import annotations

from dataclasses import dataclass

from mldeploy.cost.document_shape import Document, OptionRow
from mldeploy.drawing.svg import SERIES

SHAPES = ("circle", "square", "triangle", "diamond")
_UNITS = ((1e15, 1e12, "T"), (1e12, 1e12, "T"), (1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e3, 1e3, "k"))


_LEAST_GRAMS = 1e-6


@dataclass(frozen=True, slots=True)
class Look:
    """A cloud's colour class and the shape of its points: told apart by either."""

    css: str
    shape: str


def looks(document: Document) -> dict[str, Look]:
    """By cloud, in the order of their names, so that adding one option changes no colour."""
    clouds = sorted({row["cloud"] for row in document["options"]} | {row["cloud"] for row in document["regions"]})
    return {cloud: Look(SERIES[number % len(SERIES)], SHAPES[number % len(SHAPES)]) for number, cloud in enumerate(clouds)}


def money(usd: float | None) -> str:
    """ "$8.02", "$0.0024", "$12,400.00"; "unknown" for null: never 0."""
    if usd is None:
        return "unknown"
    if usd == 0:
        return "$0"
    if usd < 0:
        return f"−{money(-usd)}"
    if usd >= 0.01:
        return f"${usd:,.2f}"
    return f"${usd:.2g}" if usd >= 1e-4 else f"${usd:.1e}"


def price(usd: float) -> str:
    """A unit price with every digit it has: "$0.0000166667", "$0.20"."""
    whole, _, digits = f"{usd:,.12f}".partition(".")
    return f"${whole}.{digits.rstrip('0'):0<2}"


def quantity(amount: float) -> str:
    """ "540,000", "1.5": whole when large, with six digits when small."""
    if amount < 0:
        return f"−{quantity(-amount)}"
    return f"{amount:,.0f}" if amount >= 1e6 else f"{amount:,.6g}" if amount < 1e5 else f"{amount:,.1f}".removesuffix(".0")


def count(value: float) -> str:
    """ "3,000,000"; beyond 10¹⁵ a power."""
    return f"{value:,.0f}" if abs(value) < 1e15 or value == 1e15 else f"{value:.3g}"


def compact(value: float) -> str:
    """At an axis: "500", "3M", "1.5k"."""
    for least, unit, letter in _UNITS:
        if value >= least:
            return f"{value / unit:,.4g}{letter}"
    return f"{float(f'{value:.4g}'):,.6f}".rstrip("0").rstrip(".") if value < 1e3 else f"{value:,.0f}"


def axis_money(usd: float) -> str:
    return f"${compact(usd)}"


def grams(value: float | None) -> str:
    """Carbon to two or three digits; its method is no finer."""
    if value is None:
        return "unknown"
    if 0 < value < _LEAST_GRAMS:
        return f"< {_LEAST_GRAMS:.6f}"
    return f"{value:,.0f}" if value >= 100 else f"{float(f'{value:.2g}'):.7f}".rstrip("0").rstrip(".")


def millis(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f} ms" if value >= 10 else f"{value:.2g} ms"


def name(row: OptionRow) -> str:
    """ "AWS · Lambda arm64 · eu-west-1 · 512 MB · 0.29 vCPU"."""
    return f"{row['title']} · {row['product_title']} · {row['region']} · {row['config']}"


def short_name(row: OptionRow, is_first: bool, most: int = 25) -> str:
    """For the end of a curve: the cloud, and from its second curve on what tells it from the first."""
    more = "" if is_first else f", {row['min_instances']} kept" if row["min_instances"] else f", {row['product_title']}"
    words = f"{row['cloud']}{more}"
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
