"""What Cloud Run bills: its products, and what their meters count in a month. Pure; the figures are in `prices.toml`.

Option ─┬─ billed seconds × vCPU, × GiB ─▶ cpu-request … (request-based) or cpu-instance … (instance-based, jobs), gpu-l4
Usage ──┼─ minimum instances ────────────▶ cpu-idle … for the whole month, less the time in which they work
Workload┴─ requests, bytes, log lines ───▶ requests, egress, logs       traits ─▶ registry, secrets, scheduler, alarms

Rules: billed time is rounded up to 100 ms; requests that overlap on an instance share it; instance-based billing and jobs bill
a minute at least, and no requests. What an option can be, and how a spec says so, is in `options.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files

from mldeploy.cost import shelf
from mldeploy.cost.book import PriceBook
from mldeploy.cost.carbon import CarbonBook
from mldeploy.cost.values import SECONDS_PER_MONTH, Option, Product, Quantity, Scaling, Usage
from mldeploy.cost.workload import Workload
from mldeploy.providers.gcp.limits import NAME

REQUEST, INSTANCE, JOB, L4 = "run-request", "run-instance", "run-job", "run-l4"
# An idle instance may be kept for 15 minutes, one with a GPU for 10 (run/docs/about-instance-autoscaling; not verified there).
KEEP_S, KEEP_GPU_S = 900.0, 600.0
STEP_MS, MINIMUM_MS = 100, 60_000

PRODUCTS = (
    Product(REQUEST, "Cloud Run, request-based", Scaling("active", round_ms=STEP_MS, keep_s=KEEP_S)),
    Product(
        INSTANCE,
        "Cloud Run, instance-based",
        Scaling("instance", round_ms=STEP_MS, minimum_ms=MINIMUM_MS, keep_s=KEEP_S),
    ),
    Product(
        JOB,
        "Cloud Run job",
        Scaling("request", round_ms=STEP_MS, minimum_ms=MINIMUM_MS, is_start_billed=False),  # it is within the minute
        is_deployable=False,
        note="mldeploy deploys services, not jobs; counted as one task for each prediction",
    ),
    Product(
        L4,
        "Cloud Run with an NVIDIA L4",
        Scaling("instance", round_ms=STEP_MS, minimum_ms=MINIMUM_MS, keep_s=KEEP_GPU_S),
        is_deployable=False,
        note="mldeploy's runtime uses no GPU; the time of a request is that of the processors beside it",
    ),
)

# The lean image of the digits example with its base, uncompressed (docs/image.md). A registry keeps it compressed: a bound.
DEFAULT_IMAGE_MB = "200"
GIB = Decimal(1024**3)
MIB_PER_GIB = Decimal(1024)
MONTH_S = Decimal(SECONDS_PER_MONTH)


def prices() -> PriceBook:
    return shelf.read_book(NAME, files(__package__) / "prices.toml")


def carbon() -> CarbonBook:
    return shelf.read_carbon(NAME, files(__package__) / "carbon.toml")


def quantities(option: Option, usage: Usage, workload: Workload) -> tuple[Quantity, ...]:
    """What the meters count in a month, what does not depend on requests first."""
    found = (*_compute(option, usage), *_neighbours(option, usage, workload))
    return tuple(sorted(found, key=lambda quantity: not quantity.is_fixed))


def _compute(option: Option, usage: Usage) -> Iterator[Quantity]:
    kept_s = MONTH_S * option.min_instances
    kept = f"{option.min_instances} kept × {MONTH_S:,} s"
    if option.product == REQUEST:
        if option.min_instances:
            yield from _size(option, "idle", kept_s, kept, is_fixed=True)
        if usage.kept_active_s:
            yield from _size(option, "idle", -usage.kept_active_s, f"less {usage.kept_active_s:,.1f} s in which they work")
        busy_s = usage.billed_s + usage.kept_active_s
        yield from _size(option, "request", busy_s, f"{busy_s:,.1f} s at work")
        yield Quantity("requests", usage.requests, how=f"{usage.requests:,} requests")
        return
    if option.product == JOB:  # has no instances to keep
        run_s = usage.billed_s + usage.kept_active_s
        yield from _size(option, "instance", run_s, f"{run_s:,.1f} s of tasks")
        return
    if option.min_instances:
        yield from _size(option, "instance", kept_s, kept, is_fixed=True)
    yield from _size(option, "instance", usage.billed_s, f"{usage.billed_s:,.1f} s of instances")


def _size(option: Option, billing: str, seconds: Decimal, how: str, is_fixed: bool = False) -> Iterator[Quantity]:
    """`seconds` of an instance, as the meters of `billing` count them."""
    cpu, gib = Decimal(str(option.cpu)), option.memory_mb / MIB_PER_GIB
    yield Quantity(f"cpu-{billing}", seconds * cpu, is_fixed, f"{how} × {option.cpu:g} vCPU")
    yield Quantity(f"memory-{billing}", seconds * gib, is_fixed, f"{how} × {option.memory_mb} MiB")
    if option.product == L4:
        meter = "gpu-l4-zonal" if option.trait("zonal_redundancy") else "gpu-l4"
        yield Quantity(meter, seconds, is_fixed, f"{how} × 1 GPU")


def _neighbours(option: Option, usage: Usage, workload: Workload) -> Iterator[Quantity]:
    image_mb = option.trait("image_mb", DEFAULT_IMAGE_MB)
    yield Quantity("registry", int(image_mb) * 1_000_000 / GIB, True, f"one image of {image_mb} MB at most")
    for trait, meter, what in _KEPT:
        count = option.trait(trait)
        if count:
            yield Quantity(meter, Decimal(count), True, f"{count} {what}")
    secrets = option.trait("secrets")
    if secrets:
        reads = usage.cold_starts * int(secrets)
        yield Quantity("secret-access", reads, how=f"{usage.cold_starts:,.1f} starts × {secrets} secrets")
    for meter, size in (("egress", workload.bytes_out), ("logs", workload.log_bytes)):
        if size:
            yield Quantity(meter, usage.requests * size / GIB, how=f"{usage.requests:,} requests × {size:,} bytes")


_KEPT = (
    ("secrets", "secrets", "secret versions"),
    ("schedules", "scheduler", "scheduled jobs"),
    ("alarms", "alarms", "alert policies, one condition each"),
)
