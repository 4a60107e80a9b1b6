"""What AWS bills for a model on Lambda: the books, the products, and what the meters count in a month. Pure; docs/cost-aws.md.

    Option, Usage, Workload ─quantities─▶ (Quantity, …)    GB-seconds, requests, GB: meters of prices.toml

Lambda bills each request's own time, rounded up to a millisecond, times the memory that the function has. With provisioned
concurrency the kept environments are billed by the second, used or not, and the free tier does not apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files

from mldeploy.cost import shelf
from mldeploy.cost.book import PriceBook
from mldeploy.cost.carbon import CarbonBook
from mldeploy.cost.values import HOURS_PER_MONTH, SECONDS_PER_MONTH, Option, Product, Quantity, Scaling, Usage
from mldeploy.cost.workload import Workload
from mldeploy.providers.aws.options import IMAGE_MB, PRODUCT
from mldeploy.providers.aws.sizing import DEFAULT_EPHEMERAL_MB, NAME

KEEP_S = 300.0
"""How long an idle environment stays: AWS names no figure. Five minutes is an assumption, and only cold starts depend on it."""
MIB, GIB = 1024, Decimal(1024**3)
HTTP_API_BYTES = 512 * 1024
"""HTTP APIs are metered in pieces of 512 KB: docs.aws.amazon.com/whitepapers/latest/best-practices-api-gateway-private-apis-
integration/cost-optimization.html."""
HOURS_PER_DAY = 24

_SCALING = Scaling("request", round_ms=1, keep_s=KEEP_S)
PRODUCTS = (
    Product("lambda-x86_64", "Lambda, x86_64", _SCALING),
    Product("lambda-arm64", "Lambda, arm64", _SCALING),
)


def prices() -> PriceBook:
    return shelf.read_book(NAME, files(__package__) / "prices.toml")


def carbon() -> CarbonBook:
    return shelf.read_carbon(NAME, files(__package__) / "carbon.toml")


def quantities(option: Option, usage: Usage, workload: Workload) -> tuple[Quantity, ...]:
    """One month's quantities, fixed ones first; what is not used is left out, so that its rate need not be known."""
    found = (*_fixed(option), *_function(option, usage), *_neighbours(option, usage, workload))
    return tuple(quantity for quantity in found if quantity.amount)


def _fixed(option: Option) -> Iterator[Quantity]:
    architecture, memory_gb = _architecture(option), _memory_gb(option)
    kept = option.min_instances
    how = f"kept environments: {kept} × {memory_gb:f} GB × {HOURS_PER_MONTH} h"
    yield Quantity(f"provisioned-{architecture}", kept * memory_gb * SECONDS_PER_MONTH, True, how)
    image_mb = Decimal(option.trait("image_mb", str(IMAGE_MB)))
    yield Quantity("registry", image_mb / MIB, True, f"one image of {image_mb} MB, compressed (assumed)")
    alarms = option.trait("alarms", "0")
    yield Quantity("alarm", Decimal(alarms), True, f"{alarms} alarms")
    yield Quantity("secret", Decimal(option.trait("secrets", "0")), True, "one secret holds all values")


def _function(option: Option, usage: Usage) -> Iterator[Quantity]:
    architecture, memory_gb = _architecture(option), _memory_gb(option)
    spent = f"s of requests, each rounded up to 1 ms, and of cold starts × {memory_gb:f} GB"
    if option.min_instances:
        yield Quantity(f"request-{architecture}-provisioned", usage.requests, how="every request")
        active, beyond = usage.kept_active_s, usage.billed_s
        yield Quantity(f"provisioned-compute-{architecture}", active * memory_gb, how=f"{_plain(active)} {spent}")
        yield Quantity(f"overflow-compute-{architecture}", beyond * memory_gb, how=f"{_plain(beyond)} {spent}")
    else:
        yield Quantity(f"request-{architecture}", usage.requests, how="every request")
        yield Quantity(f"compute-{architecture}", usage.billed_s * memory_gb, how=f"{_plain(usage.billed_s)} {spent}")
    disk_gb = Decimal(max(0, option.ephemeral_mb - DEFAULT_EPHEMERAL_MB)) / MIB
    ran_s = usage.billed_s + usage.kept_active_s
    how = f"{_plain(ran_s)} s × {disk_gb:f} GB above {DEFAULT_EPHEMERAL_MB} MB"
    yield Quantity(f"ephemeral-{architecture}", ran_s * disk_gb, how=how)


def _neighbours(option: Option, usage: Usage, workload: Workload) -> Iterator[Quantity]:
    """The endpoint, what leaves, what is logged, what is asked of Secrets Manager."""
    requests = usage.requests
    if option.trait("endpoint", "url") == "http_api":
        pieces = max(1, -(-workload.bytes_in // HTTP_API_BYTES))
        yield Quantity("http-api-request", requests * pieces, how=f"{pieces} × 512 KB for each request")
    said = f"{_plain(requests)} requests ×"
    yield Quantity("egress", requests * workload.bytes_out / GIB, how=f"{said} {workload.bytes_out} bytes")
    logged_gb = requests * workload.log_bytes / GIB
    yield Quantity("logs-ingest", logged_gb, how=f"{said} {workload.log_bytes} bytes")
    days = int(option.trait("log_retention_days", "30"))
    kept = Decimal(days * HOURS_PER_DAY) / HOURS_PER_MONTH
    yield Quantity("logs-storage", logged_gb * kept, how=f"what {days} days log, uncompressed")
    if option.trait("secrets", "0") != "0":
        yield Quantity("secret-call", usage.cold_starts, how="one for each cold start")


def _architecture(option: Option) -> str:
    return option.product.removeprefix(PRODUCT)


def _memory_gb(option: Option) -> Decimal:
    return Decimal(option.memory_mb) / MIB


def _plain(number: Decimal) -> str:
    """ "540,000" or "540,000.25": no exponent, no needless zeros."""
    text = f"{number:,.3f}"
    return text.rstrip("0").rstrip(".")
