"""The shape of the comparison's document: plain dicts, ready for JSON. Money is USD a month; unknown is null, never 0."""

from __future__ import annotations

from typing import TypedDict


class WorkloadPart(TypedDict):
    """`hourly_per_s` is the week of 168 hours, Monday 00:00 first; empty where all hours are the same."""

    requests: float
    peak_per_s: float
    hourly_per_s: list[float]
    duration_ms: float | None
    bytes_in: int
    bytes_out: int
    cold_share: float | None
    log_bytes: int


class OptionRow(TypedDict):
    """`free_tier_usd` is what the free tier takes off. `marks` are third-party, derived, not-deployable. `problem` says why
    there is no total. `p95_ms` is what the ranking goes by: after a cold start where more than 5 % of the requests meet one
    (`is_p95_cold`), the mean where no percentile is known (`is_p95_mean`)."""

    id: str
    cloud: str
    title: str
    region: str
    region_title: str
    product: str
    product_title: str
    config: str
    memory_mb: int
    cpu: float
    concurrency: int
    min_instances: int
    is_deployable: bool
    note: str
    fixed_usd: float | None
    variable_usd: float | None
    total_usd: float | None
    per_1k_usd: float | None
    free_tier_usd: float
    mean_ms: float | None
    p95_ms: float | None
    is_p95_cold: bool
    is_p95_mean: bool
    carbon_g_per_1k: float | None
    peak_instances: int | None
    problem: str
    marks: list[str]
    is_on_front: bool
    is_cheapest: bool
    is_measured: bool
    timing_origin: str


class BillRow(TypedDict):
    """One position of a bill; `source` is a key of the document's sources, `price` that of the first tier."""

    meter: str
    title: str
    unit: str
    quantity: float
    how: str
    price: float
    is_tiered: bool
    free: float
    credit_usd: float
    factor: float
    amount_usd: float
    is_fixed: bool
    source: str
    note: str


class Curve(TypedDict):
    """Monthly cost by monthly requests, requests positive and rising. A cost of 0 is free."""

    option_id: str
    points: list[tuple[float, float]]


class BreakEven(TypedDict):
    """At `requests` a month the options a and b cost the same `usd`. `text` is the sentence that a person reads."""

    a: str
    b: str
    requests: float
    usd: float
    text: str


class RegionRow(TypedDict):
    """The cheapest deployable option of one cloud in one region; nulls where nothing there has a known total."""

    cloud: str
    title: str
    region: str
    region_title: str
    option_id: str
    total_usd: float | None
    carbon_g_per_1k: float | None


class SourceRow(TypedDict):
    key: str
    provider: str
    title: str
    url: str
    date: str
    confidence: str


class BookRow(TypedDict):
    provider: str
    date: str
    age_days: int
    is_stale: bool
    currency: str


class Document(TypedDict):
    """`bills` are by option id. `slo_ms` is the latency goal where one was given."""

    version: int
    answer: str
    date: str
    has_free_tier: bool
    commitment: str
    slo_ms: float | None
    workload: WorkloadPart
    assumptions: list[str]
    options: list[OptionRow]
    bills: dict[str, list[BillRow]]
    curves: list[Curve]
    break_evens: list[BreakEven]
    regions: list[RegionRow]
    books: list[BookRow]
    sources: list[SourceRow]
