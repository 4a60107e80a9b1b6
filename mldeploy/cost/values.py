"""The values that flow through an estimate, frozen. Money and billed quantities are Decimal; times and sizes carry their units.

Product   what a cloud bills as one thing, and how billed time arises there
Option    one configuration of a product: the size of an instance, how many requests it takes, how many are kept
Timing    how long one request takes on an option, and where that is known from
Usage     what one month of a workload takes on an option: billed seconds, idle seconds, requests, cold starts
Quantity  one amount on the bill, in the unit of its meter
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

HOURS_PER_MONTH = 730
SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600
"""8,760 hours a year over twelve: the month of the providers' own calculators."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """How billed time arises.

    request   each request's own time, rounded up           (one request an instance, idle time is free)
    active    an instance is billed while it works on something: from the start of the first to the end of the last request
              that overlap, and while it starts
    instance  an instance is billed from its start to its removal, idle or not

    `round_ms` and `minimum_ms` apply to each billed piece. `keep_s` is how long an idle instance is kept before it is removed.
    `always` instances exist whether the option asks for them or not. `is_start_billed`: a cold start is billed time.
    """

    billing: Literal["request", "active", "instance"]
    round_ms: int = 1
    minimum_ms: int = 0
    keep_s: float = 0.0
    always: int = 0
    is_start_billed: bool = True


@dataclass(frozen=True, slots=True)
class Product:
    """One way to run a model on a cloud. What `mldeploy up` cannot deploy is there for comparison only; `note` says why."""

    key: str
    title: str
    scaling: Scaling
    is_deployable: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One configuration. `cpu` is the share of a processor that one instance gets, in vCPU.

    `traits` are further choices that decide the bill ("endpoint", "http_api"), sorted, as pairs.
    """

    provider: str
    product: str
    memory_mb: int
    cpu: float
    concurrency: int = 1
    min_instances: int = 0
    max_instances: int | None = None
    ephemeral_mb: int = 0
    traits: tuple[tuple[str, str], ...] = ()

    def trait(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.traits if key == name), default)


@dataclass(frozen=True, slots=True)
class Timing:
    """One request on one option: mean time, and percentiles where they are known. `cpu_ms` is the processor time in it on one
    whole vCPU (what requests on one instance have to share). `start_ms` is a cold start. `busy_ms` is the mean of requests
    back to back, which use up their share of the processor. `origin` says how it is known: "measured 2026-11-21 in Docker,
    0.29 vCPU", "as given"."""

    mean_ms: float
    cpu_ms: float
    start_ms: float
    origin: str
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    peak_memory_mb: float | None = None
    is_measured: bool = False
    busy_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """One month on one option.

    `billed_s`       seconds billed at the full rate on instances beyond `min_instances`, summed, rounded as the product does
    `kept_active_s`  of the kept instances: seconds at the full rate
    `kept_idle_s`    of the kept instances: seconds in which they wait
    `peak_instances` those that are there in the busiest hour, at work or kept after it; `mean_instances`: on average
    `slowdown`       how many times longer a request takes for those that it shares a processor with
    """

    requests: Decimal
    billed_s: Decimal
    kept_active_s: Decimal
    kept_idle_s: Decimal
    cold_starts: Decimal
    peak_instances: int
    mean_instances: float
    slowdown: float = 1.0


@dataclass(frozen=True, slots=True)
class Quantity:
    """`amount` in the unit of the price book's `meter`. Fixed is what a month costs without a single request. `how` is the
    arithmetic in words, for --explain: "3,000,000 requests × 120 ms × 1.5 GB"."""

    meter: str
    amount: Decimal
    is_fixed: bool = False
    how: str = ""
