"""The two records: what is written is read; what is damaged is absent with a warning; what is newer is an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.errors import DeployError
from mldeploy.providers.local import records
from mldeploy.providers.local.records import Desired, Observed, Paths, Release, ReleaseState

RELEASE = Release(
    "9f3c1e2-1", "d", "9f3c1e2", "/bundles/9", ("python", "-m", "x"), {"A": "1"}, {"T": "env:T"}, 8080, True, 512, 30.0, 60.0, 5
)
DESIRED = Desired("m", "dev", 3, RELEASE, RELEASE._replace(id="b"), (12, "boot/99"), ("/bundles/9", "/bundles/8"))
STATE = ReleaseState("9f3c1e2-1", "9f3c1e2", "serving", 4711, "boot/100", 8080, 40000, 2, False, "", ("a line",), "2026")
OBSERVED = Observed(4710, "boot/98", "0.1.0", "2026", 3, (STATE,))


@pytest.fixture
def at(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def fail(text: str) -> None:
    pytest.fail(text)


def test_what_is_written_is_read(at: Paths) -> None:
    records.write_desired(at, DESIRED)
    records.write_observed(at, OBSERVED)
    assert records.read_desired(at, fail) == DESIRED
    assert records.read_observed(at, fail) == OBSERVED
    empty = DESIRED._replace(serve=None, candidate=None, claimant=None)
    records.write_desired(at, empty)
    assert records.read_desired(at, fail) == empty
    assert OBSERVED.release("9f3c1e2-1") == STATE
    assert OBSERVED.release("other") is None


def test_what_is_not_there_is_none_without_a_word(at: Paths) -> None:
    assert records.read_desired(at, fail) is None
    assert records.read_observed(at, fail) is None


def test_a_damaged_record_is_absent_with_a_warning(at: Paths) -> None:
    records.write_desired(at, DESIRED)
    good = json.loads(at.desired.read_bytes())
    broken: list[Any] = [
        "",
        "{",
        "[]",
        "null",
        "\x00" * 10,
        "[" * 100_000,
        {**good, "schema": "x", "name": None, "serve": 3},
        {key: value for key, value in good.items() if key != "claimant"},
        {**good, "claimant": [1]},
        {**good, "serve": {**good["serve"], "surplus": 1}},
        {**good, "serve": {**good["serve"], "port": "many"}},
        {**good, "serve": {**good["serve"], "bundle": 7}},
        {**good, "serve": {**good["serve"], "environment": []}},
        {**good, "history": 3},
        {**good, "generation": "x"},
        {**good, "generation": float("inf")},
    ]
    for document in broken:
        at.desired.write_text(document if isinstance(document, str) else json.dumps(document))
        warnings: list[str] = []
        assert records.read_desired(at, warnings.append) is None, document
        assert len(warnings) == 1, document
        assert "going on as if it were not there" in warnings[0]
    at.observed.write_text('{"schema": 1, "releases": [{"id": 1}]}')
    assert records.read_observed(at, lambda text: None) is None
    at.observed.unlink()
    at.observed.mkdir()
    assert records.read_observed(at, lambda text: None) is None


def test_a_newer_record_is_an_error_that_says_what_to_do(at: Paths) -> None:
    at.desired.write_text('{"schema": 2}')
    with pytest.raises(DeployError, match=r"written by a newer mldeploy \(record schema 2; this one reads 1\)") as caught:
        records.read_desired(at, fail)
    assert "pip install --upgrade" in (caught.value.hint or "")


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_the_newer_schema(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        at = Paths(Path(folder))
        at.desired.write_bytes(data)
        assert records.read_desired(at, lambda text: None) is None


def test_no_two_deployments_share_a_folder() -> None:
    assert records.paths("a--b", "c").folder != records.paths("a", "b--c").folder
    names = {records.paths("m", "dev")._asdict()["folder"].name}
    assert names == {"m.dev"}


def test_everything_has_its_place(at: Paths) -> None:
    places = [at.desired, at.observed, at.inbox, at.lock, at.alive, at.key, at.log, at.scratch]
    assert len(set(places)) == 8
    assert all(at.folder in place.parents for place in places)
