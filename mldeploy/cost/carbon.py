"""Grams of CO2 equivalent of a month's use: energy of processors, memory and network, times what the region's grid emits.

    energy_kWh = PUE × (vCPU-h × (min_W + utilisation × (max_W − min_W)) / 1000 + GiB-h × memory_kWh) + GB × network_kWh

Method and coefficients: Cloud Carbon Footprint's, at 50 % utilisation of what is allocated, 0 % of kept instances that wait;
embodied emissions are left out. Books: `providers/<cloud>/carbon.toml`, one source a row. A region that is not sourced is
unknown (None), never interpolated.

    version = 1                  provider = "aws"          date = "2026-11-21"
    [sources.CCF]                title, url, date, confidence: "api" | "page" | "third-party" | "derived"
    [machine]                    min_watts = 0.74, max_watts = 3.5 (of one vCPU), pue = 1.135, source = "CCF"
    [grids]                      us-east-1 = { g_per_kwh = 379.069, source = "CCF" }
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mldeploy.cost.book import CONFIDENCES, PriceError, Source
from mldeploy.cost.values import Option, Usage
from mldeploy.cost.workload import Workload

VERSION = 1
METHOD = "Cloud Carbon Footprint: energy of what is allocated × grid average (location-based), without embodied emissions"
METHOD_URL = "https://www.cloudcarbonfootprint.org/docs/methodology"
UTILISATION = 0.5
MEMORY_KWH_PER_GB_H = 0.000392
NETWORK_KWH_PER_GB = 0.001


@dataclass(frozen=True, slots=True)
class Grid:
    """What one region's electricity emits, location-based."""

    g_per_kwh: float
    source: Source


@dataclass(frozen=True)
class CarbonBook:
    """One provider's regions, and what its machines draw."""

    provider: str
    min_watts: float
    max_watts: float
    pue: float
    machine_source: Source
    grids: Mapping[str, Grid]


def energy_kwh(book: CarbonBook, option: Option, usage: Usage, workload: Workload) -> float:
    """The energy of a month on one option; the region does not matter to it."""
    busy_h = float(usage.billed_s + usage.kept_active_s) / 3600
    idle_h = float(usage.kept_idle_s) / 3600
    busy_watts = book.min_watts + UTILISATION * (book.max_watts - book.min_watts)
    processors = option.cpu * (busy_h * busy_watts + idle_h * book.min_watts) / 1000
    memory = option.memory_mb / 1024 * (busy_h + idle_h) * MEMORY_KWH_PER_GB_H
    moved_gb = float(usage.requests) * (workload.bytes_in + workload.bytes_out) / 1e9
    return book.pue * (processors + memory) + moved_gb * NETWORK_KWH_PER_GB


def g_per_1k(book: CarbonBook, region: str, energy: float, requests: float) -> float | None:
    """Grams per 1,000 requests in `region` of a month that took `energy` kWh; None where the grid is not known."""
    grid = book.grids.get(region)
    return None if grid is None else energy * grid.g_per_kwh / requests * 1000


def parse(text: str, path: str) -> CarbonBook:
    """The book written in `text`. Raises PriceError that names the place in `path`."""
    try:
        written = tomllib.loads(text)
        if written.get("version") != VERSION:
            raise PriceError(f"{path}: version: {written.get('version')!r} is not {VERSION}")
        sources = {key: _source(key, row) for key, row in written["sources"].items()}
        machine = written["machine"]
        low, high, pue = (_number(machine[key], f"machine.{key}") for key in ("min_watts", "max_watts", "pue"))
        grids = {
            region: Grid(_number(row["g_per_kwh"], f"grids.{region}"), sources[row["source"]])
            for region, row in written["grids"].items()
        }
        return CarbonBook(str(written["provider"]), low, high, pue, sources[machine["source"]], grids)
    except tomllib.TOMLDecodeError as error:
        raise PriceError(f"{path}: this is no carbon book: {error}") from error
    except KeyError as error:
        raise PriceError(f"{path}: {error} is missing or unknown") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise PriceError(f"{path}: {error}") from error


def _source(key: str, row: Mapping[str, Any]) -> Source:
    if row["confidence"] not in CONFIDENCES:
        raise ValueError(f"sources.{key}: confidence '{row['confidence']}' is none of {', '.join(CONFIDENCES)}")
    return Source(key, row["title"], row["url"], row["date"], row["confidence"])


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f"{where}: {value!r} is no positive number")
    return float(value)
