"""What a number of instances alike do in one hour of steady traffic."""

from __future__ import annotations

from typing import NamedTuple


class Level(NamedTuple):
    """So many `instances` alike, the last of them number `upto`: the shares of time in which one is empty and in which it is
    gone; starts of work and starts from nothing a second; the share of its working periods that hold several requests.

    Where requests share processors also, on average: the requests in one (`held`), and how many would be in it if none had to
    wait for another (`carried`).
    """

    upto: float
    instances: float
    empty: float
    gone: float
    works_per_s: float
    starts_per_s: float
    shared: float
    held: float = 0.0
    carried: float = 0.0
