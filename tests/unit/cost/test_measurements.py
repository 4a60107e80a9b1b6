"""The store of sweeps: what is saved is found, what is damaged is told, nothing leads out of its folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mldeploy.cost import measurements
from mldeploy.cost.book import PriceError
from mldeploy.cost.measurements import Point, Sweep

WORKED = Point("toy", "small", 512, 0.29, 100, 90, 140, None, 29, 2000, 300.5, 60)
FAILED = Point("toy", "small", 128, 0.07, is_out_of_memory=True)
SWEEP = Sweep("0123abcd", "digits", "2026-11-21", "4 cores", "in Docker", (WORKED, FAILED))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state" / "measurements"


def test_what_is_saved_is_found(folder: Path) -> None:
    path = measurements.save(SWEEP)
    assert path == folder / "0123abcd.json"
    assert measurements.find("0123abcd") == SWEEP
    assert [each.name for each in folder.iterdir()] == ["0123abcd.json"]


def test_a_later_sweep_replaces_the_earlier() -> None:
    measurements.save(SWEEP)
    later = Sweep("0123abcd", "digits", "2026-11-22", "4 cores", "in Docker", SWEEP.points[:1])
    measurements.save(later)
    assert measurements.find("0123abcd") == later


def test_what_was_never_measured_is_none(folder: Path) -> None:
    assert measurements.find("ffff") is None
    assert not folder.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2}',
        json.dumps(
            {"version": 1, "fingerprint": "a", "name": "a", "date": "", "machine": "", "method": "", "points": [{"x": 1}]}
        ),
        json.dumps({"version": 1, "fingerprint": "a", "name": "a", "date": "", "machine": "", "method": "", "points": 5}),
        '{"version": 1, "fingerprint": "a", "name": "a", "date": "", "machine": "", "method": "",'
        ' "points": [{"provider": "a", "product": "b", "memory_mb": 1, "cpu": 1, "mean_ms": NaN}]}',
        '{"version": 1, "fingerprint": "a", "name": "a", "date": "", "machine": "", "method": "",'
        ' "points": [{"provider": "a", "product": "b", "memory_mb": 1, "cpu": 0}]}',
    ],
)
def test_a_damaged_file_is_told_with_the_way_out(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "0123abcd.json").write_text(text)
    with pytest.raises(PriceError) as raised:
        measurements.find("0123abcd")
    assert "0123abcd.json: this is no measurement" in raised.value.message
    assert raised.value.hint == "measure again: mldeploy bench --sweep"


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 200, "a\n"])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    with pytest.raises(PriceError, match="no fingerprint"):
        measurements.find(name)


def test_numbers_that_are_none_are_not_saved() -> None:
    broken = Sweep("ab", "a", "", "", "", (Point("a", "b", 1, 1.0, mean_ms=float("nan")),))
    with pytest.raises(ValueError, match="not JSON compliant"):
        measurements.save(broken)
