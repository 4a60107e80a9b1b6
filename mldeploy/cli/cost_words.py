"""The sentences of a comparison: the answer, break-evens, when an always-on option wins, and what all of it assumes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

from mldeploy.cli.cost_market import Stalls
from mldeploy.cli.money import about, monthly, unit_price, usd
from mldeploy.cost import ranking
from mldeploy.cost.billing import Line
from mldeploy.cost.breakeven import LOWEST
from mldeploy.cost.comparison import AlwaysOn, BreakEven, Comparison
from mldeploy.cost.document_rows import config
from mldeploy.cost.estimate import Estimate
from mldeploy.cost.timing import NOTICED
from mldeploy.cost.workload import Workload

_OF_A_ROW = re.compile(r"(, [\d.]+ vCPU( \([^)]*\))?)?(, ×[\d.e+]+ for requests.*)?$")


def title(each: Estimate, beside: Estimate | None = None) -> str:
    """Enough to tell `each` from `beside`: the cloud, else also the size."""
    if beside is not None and beside.provider != each.provider:
        return f"{each.provider} {each.region}"
    return f"{each.provider} {each.region} {each.product.key} {config(each.option)}"


def answer(
    comparison: Comparison, workload: Workload, slo_ms: float | None, order: ranking.Order, *, is_choice: bool = True
) -> str:
    """The first thing to read. Without `is_choice` there is one option, and it costs what it costs."""
    asked = monthly(workload.requests)
    within = f" within {slo_ms:g} ms" if slo_ms is not None else ""
    best = {"cost": "the cheapest", "carbon": "the least carbon", "latency": "the fastest"}[order]
    if not comparison.chosen:
        reasons = "; ".join(f"{each.provider}: {each.reason}" for each in comparison.choices)
        return f"For {asked} nothing that can be deployed{within} has a known price. {reasons}"
    first = comparison.chosen[0]
    where = f"{first.title} in {first.region}, {first.product.title}, {config(first.option)}"
    each = f", {unit_price(first.per_1k)} for each 1,000" if first.per_1k is not None else ""
    fixed = f", of which {usd(first.fixed)} is fixed" if first.fixed else ""
    verb = f"{best} is {where}:" if is_choice else f"{where} costs"
    return f"For {asked}{within}, {verb} {usd(first.total)} a month{each}{fixed}."


def not_chosen(comparison: Comparison) -> Iterator[str]:
    """The clouds without a choice beside those with one, and why."""
    if comparison.chosen:
        yield from (f"{each.provider} has no choice: {each.reason}" for each in comparison.choices if each.estimate is None)


def break_even(found: BreakEven) -> str:
    """ "A is cheaper than B from 410,000 requests a month on ($1.20 a month there)"."""
    above = found.above
    other = found.b if above is found.a else found.a
    name, beside = title(above, other), title(other, above)
    at = f"{about(found.crossing.requests)} requests a month on"
    if found.below is None:
        return f"{name} is cheaper than {beside} from {at}; below that both cost the same"
    return f"{name} is cheaper than {beside} from {at} ({usd(found.crossing.usd)} a month there)"


def always_on(found: AlwaysOn) -> str:
    """When an instance that is always there pays."""
    what = f"an always-on instance ({title(found.estimate)})"
    if found.requests is None:
        return f"{what} is never cheaper at high rates than starting one when it is needed"
    if found.requests <= LOWEST:
        return f"{what} is never dearer than starting one when it is needed"
    return f"{what} wins above {about(found.requests)} requests a month"


def assumptions(workload: Workload, market: Stalls, chosen: Iterable[Estimate], *, is_all: bool) -> Iterator[str]:
    """What the figures rest on, one sentence each."""
    even = "the same in every hour" if len(set(workload.shape)) == 1 else f"up to {workload.peak_per_s:,.3g} a second"
    yield f"{monthly(workload.requests)} of 730 hours, {even}; prices in USD before tax"
    shown = [*chosen]
    for origin in dict.fromkeys(_origin(each) for each in shown if each.timing):
        yield f"time of a request: {origin}"
    yield from _sharing(shown)
    if any(each.timing and each.timing.is_measured for each in shown):
        yield "a vCPU of any cloud and architecture is taken to be as fast as one of the machine that measured"
    if not is_all and any(each.timing and not each.timing.is_measured for each in shown):
        yield "sizes are as planned, since one given time says nothing of others: mldeploy bench --sweep measures them"
    if any(each.timing and each.timing.p95_ms is None for each in shown):
        yield "no percentiles are known: the mean stands in for p95"
    if any(ranking.meets_cold(each) for each in shown):
        yield "where more than 5 % of the requests meet a cold start, p95 is counted after one"
    if not workload.bytes_out:
        yield "answers of 0 bytes: nothing is counted for traffic out (--bytes-out)"
    yield _free_tiers(shown, market)
    for name, terms in market.terms.items():
        if terms.commitment:
            yield f"{name}: {market.books[name].commitments[terms.commitment].title} on what it covers"
    if any(each.carbon_g_per_1k is not None for each in shown):
        yield "carbon: Cloud Carbon Footprint's method, 50 % utilisation of what is allocated, location-based grid figures"
        yield from _grids(shown, market)


def _origin(each: Estimate) -> str:
    """Without the share of a processor that it was measured at, and what sharing makes of it: these differ from row to row."""
    return _OF_A_ROW.sub("", each.timing.origin) if each.timing is not None else ""


def _sharing(shown: Iterable[Estimate]) -> Iterator[str]:
    factors = [each.usage.slowdown for each in shown if each.usage is not None and each.usage.slowdown > NOTICED]
    if factors:
        low, high = f"×{min(factors):.3g}", f"×{max(factors):.3g}"
        span = low if low == high else f"{low} to {high}"
        yield f"requests at once on one instance share its processors: {span} of the time of one alone, counted in the rows"


def _free_tiers(shown: Iterable[Estimate], market: Stalls) -> str:
    if not any(terms.has_free_tier for terms in market.terms.values()):
        return "free tiers are left out"
    saved = {f"{each.provider} {usd(free_tier(each))}": None for each in shown if each.bill is not None}
    return f"free tiers are counted as unused by anything else; they take off {', '.join(saved) or 'nothing'} (--no-free-tier)"


def free_tier(each: Estimate) -> Decimal:
    """What the free tier takes off a bill."""
    lines: Iterable[Line] = each.bill.lines if each.bill is not None else ()
    return sum((line.credit + line.free * line.rate.tiers[0].price * line.factor for line in lines), Decimal(0))


def _grids(shown: Iterable[Estimate], market: Stalls) -> Iterator[str]:
    """The datasets, each once."""
    titles: dict[str, None] = {}
    for each in shown:
        if each.carbon_g_per_1k is not None:
            book = market.carbon[each.provider]
            titles |= {source.title: None for source in (book.machine_source, book.grids[each.region].source)}
    yield f"carbon data: {'; '.join(titles)}"
