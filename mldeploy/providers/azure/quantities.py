"""What Azure's meters count in a month, product by product. Pure; every rule is one of docs/cost-azure.md.

container-apps  vCPU-s and GiB-s of each replica while it runs, active or idle; requests
premium         vCPU-h and GiB-h of each instance while it is there
flex            GB-s of each instance while it works; executions; and of always-ready instances all the time
consumption     GB-s of each execution; executions
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from mldeploy.cost.values import HOURS_PER_MONTH, SECONDS_PER_MONTH, Option, Quantity, Usage
from mldeploy.cost.workload import Workload

CONTAINER_APPS, PREMIUM, FLEX, CONSUMPTION = "container-apps", "premium", "flex", "consumption"
METRIC_ALERTS, LOG_ALERTS, IMAGES_GB = "metric_alerts", "log_alerts", "images_gb"
REGISTRY_INCLUDED_GB = 10
CONSUMPTION_STEP_MB, CONSUMPTION_MAX_MB = 128, 1536
BYTES_PER_GB = 10**9
HOUR_S = 3600
DAYS_PER_MONTH = Decimal(HOURS_PER_MONTH) / 24

Quantities = Iterator[Quantity]


def quantities(option: Option, usage: Usage, workload: Workload) -> tuple[Quantity, ...]:
    """Fixed quantities first; what is nothing is left out, so that no rate is asked for it."""
    found = [*_PRODUCTS[option.product](option, usage), *_neighbours(option, usage, workload)]
    return tuple(sorted((each for each in found if each.amount), key=lambda each: not each.is_fixed))


def _container_apps(option: Option, usage: Usage) -> Quantities:
    """Kept replicas cost the idle rate for the whole month; what they work takes idle seconds back and is active instead. The
    time in which there are more replicas than the kept ones is active for all of them, and `kept_active_s` has it in it."""
    cpu, gib = Decimal(str(option.cpu)), Decimal(option.memory_mb) / 1024
    kept_s = Decimal(option.min_instances * SECONDS_PER_MONTH)
    working_s = min(usage.kept_active_s, kept_s)
    for meter, size, unit in (("aca-vcpu", cpu, "vCPU"), ("aca-memory", gib, "GiB")):
        held = f"{option.min_instances} kept × {SECONDS_PER_MONTH:,} s × {size:f} {unit}"
        yield Quantity(f"{meter}-idle", kept_s * size, True, held)
        yield Quantity(
            f"{meter}-idle", -working_s * size, False, f"less {working_s:,.0f} s of them that are active × {size:f} {unit}"
        )
        busy = f"({usage.billed_s:,.0f} s of replicas + {working_s:,.0f} s of kept ones) × {size:f} {unit}"
        yield Quantity(meter, (usage.billed_s + working_s) * size, False, busy)
    yield Quantity("aca-requests", usage.requests, False, f"{usage.requests:,.0f} requests; health probes are free")


def _premium(option: Option, usage: Usage) -> Quantities:
    """Instances are billed while they are there, working or not; one always is."""
    kept = max(1, option.min_instances)
    more_h = usage.billed_s / HOUR_S
    for meter, size, unit in (
        ("premium-vcpu", Decimal(str(option.cpu)), "vCPU"),
        ("premium-memory", Decimal(option.memory_mb) / 1024, "GiB"),
    ):
        yield Quantity(meter, kept * HOURS_PER_MONTH * size, True, f"{kept} kept × {HOURS_PER_MONTH} h × {size:f} {unit}")
        yield Quantity(meter, more_h * size, False, f"{more_h:,.2f} h of further instances × {size:f} {unit}")


def _flex(option: Option, usage: Usage) -> Quantities:
    """Requests at once on an instance share its time. Always-ready instances have meters of their own and no free grant; their
    part of the executions is taken as their part of the time."""
    gb = Decimal(option.memory_mb) / 1024
    kept_s = Decimal(option.min_instances * SECONDS_PER_MONTH)
    worked_s = usage.billed_s + usage.kept_active_s
    ready = usage.requests * usage.kept_active_s / worked_s if worked_s else Decimal(0)
    yield Quantity(
        "flex-baseline", kept_s * gb, True, f"{option.min_instances} always ready × {SECONDS_PER_MONTH:,} s × {gb:f} GB"
    )
    yield Quantity("flex-ready-time", usage.kept_active_s * gb, False, f"{usage.kept_active_s:,.0f} s active × {gb:f} GB")
    yield Quantity("flex-ready-executions", ready, False, f"{ready:,.0f} executions on always-ready instances")
    yield Quantity("flex-time", usage.billed_s * gb, False, f"{usage.billed_s:,.0f} s of working instances × {gb:f} GB")
    yield Quantity("flex-executions", usage.requests - ready, False, f"{usage.requests - ready:,.0f} executions")


def _consumption(option: Option, usage: Usage) -> Quantities:
    """Memory is what is observed, in steps of 128 MB."""
    steps = -(-max(option.memory_mb, 1) // CONSUMPTION_STEP_MB)
    gb = Decimal(steps * CONSUMPTION_STEP_MB) / 1024
    yield Quantity("consumption-time", usage.billed_s * gb, False, f"{usage.billed_s:,.0f} s of executions × {gb:f} GB")
    yield Quantity("consumption-executions", usage.requests, False, f"{usage.requests:,.0f} executions")


def _neighbours(option: Option, usage: Usage, workload: Workload) -> Quantities:
    """What comes with a deployment (an image has a registry, alerts watch it), and what its traffic leaves behind."""
    if option.product in (CONTAINER_APPS, PREMIUM):
        yield Quantity("registry", DAYS_PER_MONTH, True, f"{HOURS_PER_MONTH} h in days")
        above = max(Decimal(0), Decimal(option.trait(IMAGES_GB, "0")) - REGISTRY_INCLUDED_GB)
        yield Quantity("registry-storage", above, True, f"{above:f} GB above {REGISTRY_INCLUDED_GB}")
        yield Quantity("metric-alert", Decimal(option.trait(METRIC_ALERTS, "0")), True, "one time series each")
        yield Quantity("log-alert", Decimal(option.trait(LOG_ALERTS, "0")), True, "the alert on latency")
    requests = f"{usage.requests:,.0f} requests"
    for meter, size, what in (("logs", workload.log_bytes, "of log"), ("egress", workload.bytes_out, "of answer")):
        yield Quantity(meter, usage.requests * size / BYTES_PER_GB, False, f"{requests} × {size:,} bytes {what}")


_PRODUCTS: Mapping[str, Callable[[Option, Usage], Quantities]] = {
    CONTAINER_APPS: _container_apps,
    PREMIUM: _premium,
    FLEX: _flex,
    CONSUMPTION: _consumption,
}
