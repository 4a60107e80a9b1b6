"""A toy cloud: three regions, three meters, two sources; every price is made up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mldeploy.cost import book_file
from mldeploy.cost.book import PriceBook

sys.path.insert(0, str(Path(__file__).parent))  # cost_simulation

TOY = Path(__file__).parent / "toy.toml"


@pytest.fixture(scope="session")
def toy_text() -> str:
    return TOY.read_text()


@pytest.fixture(scope="session")
def toy_book(toy_text: str) -> PriceBook:
    return book_file.parse(toy_text, "toy.toml")
