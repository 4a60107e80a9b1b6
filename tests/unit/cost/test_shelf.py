"""The shelf: which of two books is used, what is told about the other, and which new one is let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from mldeploy.cost import shelf
from mldeploy.cost.book import PriceError
from mldeploy.errors import DeployError

CARBON = """
version = 1
provider = "toy"
sources.g = { title = "Grid", url = "https://example.com", date = "2026-01-01", confidence = "page" }
machine = { min_watts = 0.7, max_watts = 3.5, pue = 1.1, source = "g" }
grids.north = { g_per_kwh = 400, source = "g" }
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def shipped(tmp_path: Path, toy_text: str) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(toy_text)
    return path


def newer(text: str) -> str:
    return text.replace('date = "2026-11-02"', 'date = "2026-11-20"')


def test_the_shipped_book_is_read_once(shipped: Path) -> None:
    first = shelf.read_book("toy", shipped)
    shipped.write_text("gone")
    assert shelf.read_book("toy", shipped) is first
    assert first.path == str(shipped)
    assert shelf.read_book("toy", shipped).passed_over == ""


def test_a_refreshed_book_wins_and_is_seen_at_once(shipped: Path, toy_text: str, state: Path) -> None:
    old = shelf.read_book("toy", shipped)
    shelf.write_book("toy", newer(toy_text), old)
    assert shelf.read_book("toy", shipped).date.isoformat() == "2026-11-20"
    assert shelf.read_book("toy", shipped).path == str(state / "prices" / "toy.toml")
    assert shelf.read_book("toy", shipped).passed_over == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace("2026-11-02", "2026-10-01"),
            "it is of 2026-10-01; the book of 2026-11-02 that ships is used",
        ),
        (lambda text: newer(text).replace('provider = "toy"', 'provider = "boy"'), "this is the price book of 'boy'"),
        (lambda text: newer(text).replace("0.02", "x"), "price 'x' is no price; the book of 2026-11-02 that ships is used"),
        (lambda text: text[:100], "this is no price book"),
    ],
)
def test_a_refreshed_book_that_is_off_is_passed_over_and_told(shipped: Path, toy_text: str, change, message: str) -> None:
    path = shelf.refreshed_path("toy")
    path.parent.mkdir(parents=True)
    path.write_text(change(toy_text))
    assert shelf.read_book("toy", shipped).path == str(shipped)
    assert message in shelf.read_book("toy", shipped).passed_over


def test_a_refreshed_book_that_cannot_be_read_is_told(shipped: Path) -> None:
    shelf.refreshed_path("toy").mkdir(parents=True)
    assert shelf.read_book("toy", shipped).path == str(shipped)
    assert "Is a directory" in shelf.read_book("toy", shipped).passed_over


def test_a_damaged_shipped_book_is_an_error(shipped: Path) -> None:
    shipped.write_text("version = 3")
    with pytest.raises(PriceError, match="version: 3 is not 1"):
        shelf.read_book("toy", shipped)


def test_a_book_of_somebody_else_is_an_error(shipped: Path) -> None:
    with pytest.raises(PriceError, match="the price book of 'toy', not of 'other'"):
        shelf.read_book("other", shipped)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "nonsense = [", "this is no price book"),
        (lambda text: text.replace('provider = "toy"', 'provider = "boy"'), "it is of 'boy'"),
        (lambda text: text.replace('"USD"', '"EUR"'), "it is in EUR, not USD"),
        (lambda text: text.replace("2026-11-20", "2026-11-01"), "it is of 2026-11-01, older than 2026-11-02"),
        (lambda text: text.replace('west = "West"\n', "").replace(', "west"', ""), "the region west is gone"),
        (lambda text: text.replace(', "west"', ""), "requests in west has no price any more"),
        (lambda text: text.replace('"0.02"', '"0.2001"'), "compute in south went from 0.02 to 0.2001"),
        (lambda text: text.replace('"0.02"', '"0"'), "compute in south went from 0.02 to 0"),
    ],
)
def test_a_new_book_that_is_off_changes_nothing(shipped: Path, toy_text: str, state: Path, change, message: str) -> None:
    old = shelf.read_book("toy", shipped)
    with pytest.raises(PriceError) as raised:
        shelf.write_book("toy", change(newer(toy_text)), old)
    assert message in raised.value.message
    assert not (state / "prices").exists()
    assert shelf.read_book("toy", shipped) is old


def test_many_doubts_are_counted(shipped: Path, toy_text: str) -> None:
    old = shelf.read_book("toy", shipped)
    with pytest.raises(PriceError, match="and 1 more") as raised:
        shelf.write_book("toy", newer(toy_text).replace('"0.0000002"', '"2"').replace('"0.02"', '"2"'), old)
    assert raised.value.message.count(";") == 3


def test_the_earlier_refreshed_book_stays_when_the_disk_is_full(
    shipped: Path, toy_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.write_book("toy", newer(toy_text))
    kept = shelf.refreshed_path("toy").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DeployError, match="No space left"):
        shelf.write_book("toy", newer(toy_text).replace("0.02", "0.03"))
    assert shelf.refreshed_path("toy").read_bytes() == kept
    assert len(list(shelf.refreshed_path("toy").parent.iterdir())) == 1


def test_a_carbon_book(tmp_path: Path) -> None:
    path = tmp_path / "carbon.toml"
    path.write_text(CARBON)
    assert shelf.read_carbon("toy", path).grids["north"].g_per_kwh == 400
    with pytest.raises(PriceError, match="the carbon book of 'toy', not of 'boy'"):
        shelf.read_carbon("boy", path)
