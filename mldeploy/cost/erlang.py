"""Erlang's loss formula for any size, and the traffic that overflows a full group of servers.

    B(n, a) = P(N = n) / P(N ≤ n), N Poisson with mean a        a·B: the mean of what overflows; z: its variance over its mean

B is exact by recursion for small n; for large n it is the ratio of a Stirling and a Temme expansion, both to within 1e-4, so
that a load of 10^12 costs what a load of 10 does. Sources: A. K. Erlang 1917; J. Riordan in R. I. Wilkinson, "Theories for toll
traffic engineering", Bell System Technical Journal 35 (1956); DLMF 8.12 for the expansion.
"""

from __future__ import annotations

from math import copysign, erfc, exp, log1p, pi, sqrt

SMALL = 24
FLOODED = 0.001


def blocking(servers: float, load: float) -> float:
    """The share of requests that find all `servers` busy when `load` = rate × duration is offered to them."""
    if load <= 0:
        return 0.0 if servers >= 1 else 1.0
    if servers < SMALL:
        share = 1.0
        for busy in range(1, int(servers) + 1):
            share = load * share / (busy + load * share)
        return share
    # Never more can be carried than there are servers; far below the load all of them are busy, and this is the better figure.
    most = 1 - servers / load
    return most if servers < FLOODED * load else min(1.0, max(_expanded(servers, load), most))


def _expanded(servers: float, load: float) -> float:
    """B = pmf / cdf, both without their common factor exp(−y²)."""
    shape = servers + 1
    offset = load / shape - 1
    eta = copysign(sqrt(max(0.0, 2 * (offset - log1p(offset)))), offset)
    y = eta * sqrt(shape / 2)
    # 1/offset − 1/eta cancels near zero, where its series is −1/3 + offset/12.
    correction = 1 / offset - 1 / eta if abs(offset) > 1e-4 else offset / 12 - 1 / 3
    pmf = sqrt(shape / 2 / pi) / load
    if y > 0:
        tail = exp(y * y) * erfc(y) if y < 25 else (1 - 0.5 / (y * y)) / (y * sqrt(pi))
        return pmf / (tail / 2 + correction / sqrt(2 * pi * shape))
    scale = exp(-y * y)
    return pmf * scale / (erfc(y) / 2 + scale * correction / sqrt(2 * pi * shape))


def peakedness(servers: float, load: float, overflow: float) -> float:
    """Variance over mean of the requests that overflow: 1 is Poisson, more comes in bursts. `overflow` = load × blocking."""
    return max(1.0, 1 - overflow + load / (servers + 1 + overflow - load))
