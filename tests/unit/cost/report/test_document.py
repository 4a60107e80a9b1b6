"""The document of a comparison: names, figures that agree with each other, what is unknown, sources."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mldeploy.cost import document_shape as shape
from mldeploy.cost.document import number, option_id
from mldeploy.cost.document_shape import Document
from mldeploy.cost.values import Option


def test_an_option_has_one_name_that_tells_all_of_it() -> None:
    option = Option("north", "request", 512, 0.2894, concurrency=8, min_instances=1, traits=(("endpoint", "url"),))
    assert option_id(option, "north-1") == "north/north-1/request/512MB/0.2894cpu/c8/min1/endpoint=url"


def test_names_are_unique_and_every_mention_is_of_a_row(made: Document) -> None:
    names = [row["id"] for row in made["options"]]
    assert len(set(names)) == len(names)
    mentioned = {curve["option_id"] for curve in made["curves"]} | made["bills"].keys()
    mentioned |= {name for each in made["break_evens"] for name in (each["a"], each["b"])}
    mentioned |= {row["option_id"] for row in made["regions"]}
    assert mentioned <= set(names)


def test_it_is_json(made: Document) -> None:
    assert json.loads(json.dumps(made, allow_nan=False)) == json.loads(json.dumps(made))


@pytest.mark.parametrize(
    ("amount", "written"),
    [("7.246", "7.246"), ("1e15", "1000000000000000"), ("0", "0"), ("0.0000166667", "1.66667e-05"), ("123456789012.345", None)],
)
def test_numbers_keep_their_figures(amount: str, written: str | None) -> None:
    from decimal import Decimal

    assert json.dumps(number(Decimal(amount))) == (written or amount)


def test_a_bill_adds_up_to_its_row(made: Document) -> None:
    rows = {row["id"]: row for row in made["options"]}
    assert len(made["bills"]) > 5
    for name, lines in made["bills"].items():
        assert sum(line["amount_usd"] for line in lines) == pytest.approx(rows[name]["total_usd"], abs=1e-9)
        fixed = sum(line["amount_usd"] for line in lines if line["is_fixed"])
        assert fixed == pytest.approx(rows[name]["fixed_usd"], abs=1e-9)


def test_curves_go_through_the_table_and_the_break_evens(made: Document) -> None:
    rows = {row["id"]: row for row in made["options"]}
    points = {curve["option_id"]: dict(curve["points"]) for curve in made["curves"]}
    for name, found in points.items():
        assert found[3_000_000] == rows[name]["total_usd"]
        assert list(found) == sorted(found)
    inner = [each for each in made["break_evens"] if each["requests"] >= 1000]
    assert inner
    for each in inner:
        assert points[each["a"]][each["requests"]] == points[each["b"]][each["requests"]] == each["usd"]


def test_what_is_unknown_is_null_and_says_why(made: Document) -> None:
    unknown = [row for row in made["options"] if row["region"] == "east-unpriced"]
    assert unknown
    for row in unknown:
        assert row["total_usd"] is None
        assert row["per_1k_usd"] is None
        assert "compute" in row["problem"]
    region = next(row for row in made["regions"] if row["region"] == "east-unpriced")
    assert (region["total_usd"], region["carbon_g_per_1k"]) == (None, None)
    assert made["regions"][-1] == region, "what is unknown comes last"


def test_a_region_is_judged_by_its_cheapest_deployable_option(made: Document) -> None:
    for region in made["regions"]:
        able = [
            row["total_usd"]
            for row in made["options"]
            if (row["cloud"], row["region"]) == (region["cloud"], region["region"]) and row["is_deployable"]
        ]
        known = [usd for usd in able if usd is not None]
        assert region["total_usd"] == (min(known) if known else None)


def test_marks_say_how_sure_a_row_is(made: Document) -> None:
    for row in made["options"]:
        keeps = row["product"] == "always" or row["min_instances"] > 0
        assert ("third-party" in row["marks"]) == (keeps and row["region"] != "east-unpriced"), row["id"]
        assert ("not-deployable" in row["marks"]) == (row["product"] == "batch")


def test_every_source_of_a_bill_is_there_once(made: Document) -> None:
    keys = [(row["provider"], row["key"]) for row in made["sources"]]
    assert len(set(keys)) == len(keys)
    clouds = {row["id"]: row["cloud"] for row in made["options"]}
    for name, lines in made["bills"].items():
        assert {(clouds[name], line["source"]) for line in lines} <= set(keys)
    assert ("north", "carbon-GRID") in keys
    assert {row["confidence"] for row in made["sources"]} == {"page", "third-party"}


def test_the_free_tier_shows_its_effect(made: Document) -> None:
    north = next(row for row in made["options"] if row["cloud"] == "north" and row["product"] == "request")
    assert north["free_tier_usd"] > 0
    assert all(row["free_tier_usd"] == 0 for row in made["options"] if row["cloud"] == "south")


def test_a_curve_of_traffic_is_kept_and_a_flat_one_is_not(make: Callable[..., Document], made: Document) -> None:
    assert made["workload"]["hourly_per_s"] == []
    day = [0.5] * 12 + [1.5] * 12
    shaped = make(shape=day * 7)["workload"]
    assert len(shaped["hourly_per_s"]) == 168
    assert max(shaped["hourly_per_s"]) == pytest.approx(shaped["peak_per_s"], rel=1e-5)


def test_absurd_traffic_stays_finite(make: Callable[..., Document]) -> None:
    found: Any = json.loads(json.dumps(make("1e15"), allow_nan=False))
    assert found["workload"]["requests"] == 10**15
    assert all(row["total_usd"] is None or row["total_usd"] > 1e6 for row in found["options"])


def test_nothing_known_is_a_document_too(empty: Document) -> None:
    assert [*empty["options"], *empty["curves"], *empty["sources"]] == []


def test_a_commitment_is_named_with_its_source(real: Document, compared_with: Callable[[str, str], Document]) -> None:
    assert real["commitment"] == ""
    found = compared_with("gcp", "run-cud")
    assert "Cloud Run" in found["commitment"]
    lowered = [line for lines in found["bills"].values() for line in lines if line["factor"] != 1]
    assert lowered
    assert all(line["factor"] < 1 for line in lowered)


def test_every_field_is_in_the_docs_where_it_belongs() -> None:
    text = (Path(__file__).parents[4] / "docs" / "compare-report.md").read_text(encoding="utf-8")
    told = {}
    for line in text.partition("## The JSON")[2].splitlines():
        if line.startswith("|") and not line.startswith("|--"):
            part, fields = line.strip("|").split("|", 1)
            told[part.strip(" `")] = re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", fields))
    parts: dict[str, Any] = {
        "the document": shape.Document,
        "workload": shape.WorkloadPart,
        "options": shape.OptionRow,
        "bills": shape.BillRow,
        "curves": shape.Curve,
        "break_evens": shape.BreakEven,
        "regions": shape.RegionRow,
        "books": shape.BookRow,
        "sources": shape.SourceRow,
    }
    for part, row in parts.items():
        assert told[part] == list(row.__annotations__), part
