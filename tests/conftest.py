"""One switch for everything generated and committed: `pytest --update` writes it anew, and the diff is reviewed."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write generated files (docs, schema, goldens) anew instead of failing"
    )


@pytest.fixture
def is_update(request: pytest.FixtureRequest) -> bool:
    """Whether generated files are to be written anew."""
    return bool(request.config.getoption("--update"))
