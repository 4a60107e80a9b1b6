"""Grams of CO2 equivalent of a month's use: energy of processors, memory and network, times what the region's grid emits.

    energy_kWh = PUE × (vCPU-h × (min_W + utilisation × (max_W − min_W)) / 1000 + GiB-h × memory_kWh) + GB × network_kWh

Method and coefficients: Cloud Carbon Footprint's, at 50 % utilisation of what is allocated; embodied emissions are left out.
Books: `providers/<cloud>/carbon.toml`, one source a row. A region that is not sourced is unknown (None), never interpolated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mldeploy.cost.book import Source


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
