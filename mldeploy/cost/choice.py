"""The configuration to take on each cloud: the cheapest that can be deployed, has a known price and meets the latency goal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mldeploy.cost import ranking
from mldeploy.cost.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Choice:
    """What one cloud is taken with. Without an `estimate` the `reason` says why there is none."""

    provider: str
    title: str
    estimate: Estimate | None
    reason: str = ""


def choose(estimates: Iterable[Estimate], slo_ms: float | None = None, order: ranking.Order = "cost") -> tuple[Choice, ...]:
    """One choice a cloud, best first, those without any last. `slo_ms` bounds the 95th percentile (`ranking.latency_ms`)."""
    clouds: dict[str, list[Estimate]] = {}
    for each in estimates:
        clouds.setdefault(each.provider, []).append(each)
    chosen = [_choice(found, slo_ms, order) for found in clouds.values()]
    ranks = {id(each): rank for rank, each in enumerate(ranking.ranked([c.estimate for c in chosen if c.estimate], order))}
    return tuple(sorted(chosen, key=lambda choice: ranks.get(id(choice.estimate), len(ranks))))


def meets(each: Estimate, slo_ms: float | None) -> bool:
    """Whether its 95th percentile is known to be within the goal."""
    time_ms = ranking.latency_ms(each)
    return slo_ms is None or (time_ms is not None and time_ms <= slo_ms)


def _choice(found: Sequence[Estimate], slo_ms: float | None, order: ranking.Order) -> Choice:
    first = found[0]
    able = [each for each in found if each.product.is_deployable and ranking.is_known(each)]
    within = ranking.ranked([each for each in able if meets(each, slo_ms)], order)
    if within:
        return Choice(first.provider, first.title, within[0])
    return Choice(first.provider, first.title, None, _slow(able, slo_ms) if able else _unknown(found))


def _slow(able: Sequence[Estimate], slo_ms: float | None) -> str:
    timed = [(time_ms, each) for each in able if (time_ms := ranking.latency_ms(each)) is not None]
    if not timed:
        return "no latency is known; measure it: mldeploy bench --sweep"
    time_ms, fastest = min(timed, key=lambda pair: pair[0])
    cold = ", as more than 5 % of the requests meet a cold start" if ranking.meets_cold(fastest) else ""
    return f"none is within {slo_ms:g} ms: the fastest, {fastest.option.memory_mb:,} MB, takes {time_ms:,.0f} ms{cold}"


def _unknown(found: Sequence[Estimate]) -> str:
    """The commonest reason."""
    reasons = [_reason(each) for each in found if each.product.is_deployable]
    return max(dict.fromkeys(reasons), key=reasons.count) if reasons else "nothing here can be deployed"


def _reason(each: Estimate) -> str:
    if each.problem:
        return each.problem
    missing = each.bill.missing if each.bill is not None else ()
    return f"the price is not known in {each.region}: no rate for {', '.join(missing)}" if missing else "the price is not known"
