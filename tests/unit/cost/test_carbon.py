"""Carbon: the arithmetic of the method by hand, and books with faults."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mldeploy.cost import carbon
from mldeploy.cost.book import PriceError
from mldeploy.cost.values import Option, Usage
from mldeploy.cost.workload import Workload

TEXT = """
version = 1
provider = "toy"
date = "2026-11-21"
sources.g = { title = "Grid", url = "https://example.com", date = "2026-01-01", confidence = "page" }
machine = { min_watts = 1, max_watts = 3, pue = 1.2, source = "g" }
grids.north = { g_per_kwh = 400, source = "g" }
grids.clean = { g_per_kwh = 0, source = "g" }
"""
BOOK = carbon.parse(TEXT, "carbon.toml")


def usage(billed_s: int = 0, active_s: int = 0, idle_s: int = 0, requests: int = 1000) -> Usage:
    return Usage(Decimal(requests), Decimal(billed_s), Decimal(active_s), Decimal(idle_s), Decimal(0), 1, 1.0)


def test_processors_and_memory_by_hand() -> None:
    # 2 vCPU for an hour at half of their range, 2 W each; 4 GiB for an hour; times the PUE.
    energy = carbon.energy_kwh(BOOK, Option("toy", "p", 4096, 2.0), usage(billed_s=3600), Workload(Decimal(1000)))
    assert energy == pytest.approx(1.2 * (2 * 2 / 1000 + 4 * 0.000392))
    assert carbon.g_per_1k(BOOK, "north", energy, 1000) == pytest.approx(energy * 400)


def test_a_kept_instance_that_waits_draws_the_least_that_it_can() -> None:
    option, workload = Option("toy", "p", 1024, 1.0), Workload(Decimal(1000))
    busy = carbon.energy_kwh(BOOK, option, usage(active_s=3600), workload)
    idle = carbon.energy_kwh(BOOK, option, usage(idle_s=3600), workload)
    assert busy - idle == pytest.approx(1.2 * 1 / 1000)


def test_the_network_is_not_behind_the_data_centres_overhead() -> None:
    workload = Workload(Decimal(1000), bytes_in=400_000, bytes_out=600_000)
    assert carbon.energy_kwh(BOOK, Option("toy", "p", 1024, 1.0), usage(), workload) == pytest.approx(0.001)


def test_a_region_that_is_not_sourced_is_unknown() -> None:
    assert carbon.g_per_1k(BOOK, "south", 5.0, 1000) is None
    assert carbon.g_per_1k(BOOK, "clean", 5.0, 1000) == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version = 1", "version = 9", "version: 9 is not 1"),
        ("version = 1", "version = [", "this is no carbon book"),
        ("min_watts = 1", "min_watts = -1", "machine.min_watts: -1 is no positive number"),
        ("min_watts = 1", 'min_watts = "1"', "machine.min_watts: '1' is no positive number"),
        ("g_per_kwh = 400", "g_per_kwh = nan", "grids.north: nan is no positive number"),
        ("g_per_kwh = 400", "grams = 400", "'g_per_kwh' is missing or unknown"),
        ('400, source = "g"', '400, source = "x"', "'x' is missing or unknown"),
        ('confidence = "page"', 'confidence = "sure"', "confidence 'sure' is none of"),
        ('provider = "toy"\n', "", "'provider' is missing or unknown"),
        ("grids.north = { g_per_kwh = 400, source = \"g\" }", "grids.north = 5", "carbon.toml: "),
    ],
)  # fmt: skip
def test_faults_are_told(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(PriceError) as raised:
        carbon.parse(TEXT.replace(old, new, 1), "carbon.toml")
    assert raised.value.message.startswith("carbon.toml: ")
    assert message in raised.value.message
