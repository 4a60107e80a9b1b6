"""What all tests share: one switch for everything generated and committed, and an account of the tiers at the end of a run.

    pytest --update       writes docs, schema and goldens anew; the diff is reviewed

A tier is a folder of tests, named after what its tests may touch. One that needs an engine (Docker, Pulumi, a browser) is left
out where it is missing, with one line that says how to get it; the account shows how many ran, so that nothing is left out
silently.
"""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TESTS = Path(__file__).parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIERS_WITH_ONE_WORKER = ("image", "engine")  # they share an engine, a registry and images that take long to make


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write generated files (docs, schema, goldens) anew instead of failing"
    )


@pytest.fixture
def is_update(request: pytest.FixtureRequest) -> bool:
    """Whether generated files are to be written anew."""
    return bool(request.config.getoption("--update"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        pytest.fail("no Chromium on PATH: apt-get install chromium (Debian), brew install chromium (macOS)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


def pytest_configure() -> None:
    """A shell that starts the tests in the background has them ignore SIGINT; so would every command that they interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup` the tests of such a tier go to one worker."""
    for item in items:
        tier = _tier(item.nodeid)
        if tier in TIERS_WITH_ONE_WORKER:
            item.add_marker(pytest.mark.xdist_group(tier))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line a tier: what passed, what failed, what was left out."""
    counts: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            counts.setdefault(_tier(report.nodeid), Counter())[outcome] += 1
    terminalreporter.section("tiers")
    for tier in sorted(counts):
        terminalreporter.line(f"{tier:<14}" + ", ".join(f"{n} {outcome}" for outcome, n in counts[tier].items()))


def _tier(nodeid: str) -> str:
    parts = Path(nodeid.partition("::")[0]).parts
    return parts[1] if len(parts) > 2 and parts[0] == TESTS.name else parts[0] if parts else ""
