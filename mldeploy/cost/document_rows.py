"""One row of the document from one value of the comparison. Money leaves Decimal here, at 15 significant digits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from mldeploy.cost import ranking
from mldeploy.cost.billing import Line
from mldeploy.cost.book import Commitment, PriceBook, Source
from mldeploy.cost.carbon import CarbonBook
from mldeploy.cost.document_shape import BillRow, BookRow, OptionRow, RegionRow, SourceRow, WorkloadPart
from mldeploy.cost.values import Option
from mldeploy.cost.workload import Workload

if TYPE_CHECKING:
    import datetime

    from mldeploy.cost.estimate import Estimate

_EXACT = 2**53
_UNSURE = ("third-party", "derived")


def option_id(option: Option, region: str) -> str:
    """ "aws/eu-west-1/lambda-arm64/512MB/0.289cpu/c1/min0": stable from run to run, unique in a document."""
    traits = "".join(f"/{key}={value}" for key, value in option.traits)
    size = f"{option.memory_mb}MB/{option.cpu:.4g}cpu/c{option.concurrency}/min{option.min_instances}"
    return f"{option.provider}/{region}/{option.product}/{size}{traits}"


def config(option: Option) -> str:
    """ "512 MB · 0.29 vCPU · 8 at once · 1 kept": one option's size, for people."""
    parts = [f"{option.memory_mb:,} MB", f"{option.cpu:.3g} vCPU"]
    if option.concurrency > 1:
        parts.append(f"{option.concurrency} at once")
    if option.min_instances:
        parts.append(f"{option.min_instances} kept")
    return " · ".join(parts)


def number(amount: Decimal | float | int) -> float:
    """A JSON number: whole where it is whole, else with 15 significant digits."""
    value = float(f"{amount:.15g}")
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


def _maybe(amount: Decimal | float | None) -> float | None:
    return None if amount is None else number(amount)


def workload_part(workload: Workload) -> WorkloadPart:
    is_flat = len(set(workload.shape)) == 1
    return WorkloadPart(
        requests=number(workload.requests),
        peak_per_s=number(workload.peak_per_s),
        hourly_per_s=[] if is_flat else [float(f"{each:.6g}") for each in workload.hourly_per_s()],
        duration_ms=workload.duration_ms,
        bytes_in=workload.bytes_in,
        bytes_out=workload.bytes_out,
        cold_share=workload.cold_share,
        log_bytes=workload.log_bytes,
    )


def option_row(name: str, each: Estimate, books: Mapping[str, PriceBook], is_on_front: bool, is_cheapest: bool) -> OptionRow:
    option, timing, usage = each.option, each.timing, each.usage
    return OptionRow(
        id=name,
        cloud=each.provider,
        title=each.title,
        region=each.region,
        region_title=_region_title(books, each.provider, each.region),
        product=each.product.key,
        product_title=each.product.title,
        config=config(option),
        memory_mb=option.memory_mb,
        cpu=option.cpu,
        concurrency=option.concurrency,
        min_instances=option.min_instances,
        is_deployable=each.product.is_deployable,
        note=each.product.note,
        fixed_usd=_maybe(each.fixed),
        variable_usd=_maybe(each.variable),
        total_usd=_maybe(each.total),
        per_1k_usd=_maybe(each.per_1k),
        free_tier_usd=number(sum((_saved(line) for line in lines(each)), Decimal(0))),
        mean_ms=_maybe(timing.mean_ms if timing else None),
        p95_ms=_maybe(ranking.latency_ms(each)),
        is_p95_cold=timing is not None and ranking.meets_cold(each),
        is_p95_mean=timing is not None and timing.p95_ms is None,
        carbon_g_per_1k=_maybe(each.carbon_g_per_1k),
        peak_instances=usage.peak_instances if usage else None,
        problem=each.problem or _missing(each),
        marks=_marks(each),
        is_on_front=is_on_front,
        is_cheapest=is_cheapest,
        is_measured=bool(timing and timing.is_measured),
        timing_origin=timing.origin if timing else "",
    )


def _saved(line: Line) -> Decimal:
    """What the free tier took off one position."""
    return line.credit + line.free * line.rate.tiers[0].price * line.factor


def lines(each: Estimate) -> tuple[Line, ...]:
    return each.bill.lines if each.bill else ()


def _missing(each: Estimate) -> str:
    names = each.bill.missing if each.bill else ()
    return f"no known rate in {each.region} for {', '.join(names)}" if names else ""


def _marks(each: Estimate) -> list[str]:
    """How sure the figures are: each confidence below the provider's own word that money on this bill rests on."""
    found = {line.rate.source.confidence for line in lines(each) if line.amount}
    return [mark for mark in _UNSURE if mark in found] + ([] if each.product.is_deployable else ["not-deployable"])


def _region_title(books: Mapping[str, PriceBook], provider: str, region: str) -> str:
    return books[provider].regions.get(region, region) if provider in books else region


def bill_rows(each: Estimate) -> list[BillRow]:
    """Each position that the bill rests on, fixed ones first."""
    return [_bill_row(line) for line in sorted(lines(each), key=lambda line: not line.quantity.is_fixed)]


def _bill_row(line: Line) -> BillRow:
    rate = line.rate
    return BillRow(
        meter=rate.meter.key,
        title=rate.meter.title,
        unit=rate.meter.unit,
        quantity=number(line.quantity.amount),
        how=line.quantity.how,
        price=number(rate.tiers[0].price),
        is_tiered=len(rate.tiers) > 1,
        free=number(line.free),
        credit_usd=number(line.credit),
        factor=number(line.factor),
        amount_usd=number(line.amount),
        is_fixed=line.quantity.is_fixed,
        source=rate.source.key,
        note=rate.note,
    )


def region_rows(estimates: Iterable[Estimate], books: Mapping[str, PriceBook]) -> list[RegionRow]:
    """The cheapest deployable option of each cloud and region, cheapest region first, unknown ones last."""
    best: dict[tuple[str, str], Estimate] = {}
    for each in estimates:
        if not each.product.is_deployable:
            continue
        before = best.setdefault((each.provider, each.region), each)
        if _price(each) < _price(before):
            best[each.provider, each.region] = each
    ranked = sorted(best.values(), key=lambda each: (_price(each), each.provider, each.region))
    return [_region_row(each, books) for each in ranked]


def _price(each: Estimate) -> Decimal:
    return Decimal("Infinity") if each.problem or each.total is None else each.total


def _region_row(each: Estimate, books: Mapping[str, PriceBook]) -> RegionRow:
    is_known = _price(each).is_finite()
    return RegionRow(
        cloud=each.provider,
        title=each.title,
        region=each.region,
        region_title=_region_title(books, each.provider, each.region),
        option_id=option_id(each.option, each.region),
        total_usd=_maybe(each.total) if is_known else None,
        carbon_g_per_1k=_maybe(each.carbon_g_per_1k) if is_known else None,
    )


def book_row(book: PriceBook, today: datetime.date) -> BookRow:
    return BookRow(
        provider=book.provider,
        date=book.date.isoformat(),
        age_days=book.age_days(today),
        is_stale=book.is_stale(today),
        currency=book.currency,
    )


def commitments(estimates: Iterable[Estimate], books: Mapping[str, PriceBook]) -> Iterator[tuple[str, Commitment]]:
    """Those that a price was lowered by, with their providers."""
    for each in estimates:
        lowered = {(line.quantity.meter, line.factor) for line in lines(each) if line.factor != 1}
        if lowered and each.provider in books:
            for of in books[each.provider].commitments.values():
                if lowered & {(meter, of.factor) for meter in of.meters}:
                    yield each.provider, of


def source_rows(
    estimates: Iterable[Estimate], books: Mapping[str, PriceBook], carbon: Mapping[str, CarbonBook]
) -> list[SourceRow]:
    """Every source that a figure of these estimates rests on, once."""
    found: dict[tuple[str, str], Source] = {}
    every = list(estimates)
    drawn_on: dict[str, set[str]] = {}
    for each in every:
        for line in lines(each):
            source = line.rate.source
            found[each.provider, source.key] = source
            if line.free or line.credit:
                drawn_on.setdefault(each.provider, set()).add(line.quantity.meter)
        if each.carbon_g_per_1k is not None and each.provider in carbon:
            own = carbon[each.provider]
            for source in (own.machine_source, own.grids[each.region].source):
                found[each.provider, f"carbon-{source.key}"] = source
    for provider, meters in drawn_on.items():
        free = [of.source for of in books[provider].allowances.values() if meters & {of.meter, *of.also}]
        found |= {(provider, source.key): source for source in free}
    found |= {(provider, of.source.key): of.source for provider, of in commitments(every, books)}
    return [
        SourceRow(key=key, provider=provider, title=of.title, url=of.url, date=of.date, confidence=of.confidence)
        for (provider, key), of in sorted(found.items())
    ]
