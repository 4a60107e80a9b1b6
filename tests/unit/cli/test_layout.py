"""Values as text: durations, sizes, bars, tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.cli import layout


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.0 s"), (0.44, "0.4 s"), (9.94, "9.9 s"), (9.96, "10 s"), (41.4, "41 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s")],
)
def test_seconds(value: float, text: str) -> None:
    assert layout.seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.012, "0.01"), (0.81, "0.8"), (9.96, "10"), (12.3, "12"), (0, "0.00")])
def test_milliseconds(value: float, text: str) -> None:
    assert layout.milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (310, "310 B"),
        (4_100, "4 kB"),
        (999_600, "1.0 MB"),
        (9_500_000, "9.5 MB"),
        (41_000_000, "41 MB"),
        (2_400_000_000, "2.4 GB"),
    ],
)
def test_size(value: float, text: str) -> None:
    assert layout.size(value) == text


def test_count_agrees_with_its_noun() -> None:
    assert [layout.count(n, "problem") for n in (0, 1, 1200)] == ["0 problems", "1 problem", "1,200 problems"]


def test_bar_is_drawn_in_eighths() -> None:
    assert layout.bar(0.61) == "█" * 18 + "▎"
    assert layout.bar(0) == ""
    assert layout.bar(7) == "█" * 30
    assert layout.bar(1 / 240) == "▏"


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_has_no_shorter_bar(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert len(layout.bar(low)) <= len(layout.bar(high)) <= 30


def test_width_counts_columns_not_characters() -> None:
    assert layout.text_width("猫") == 2
    assert layout.text_width("é") == 1
    assert layout.pad("猫", 4) == "猫  "
    assert layout.pad("7", 3, right=True) == "  7"


def test_table_aligns_and_cuts_nothing() -> None:
    assert layout.table([("a", "1"), ("long", "200")], right=(1,)) == ["a       1", "long  200"]
    assert layout.table([]) == []


def test_labelled_keeps_further_lines_under_the_first() -> None:
    assert layout.labelled("fix", "one\ntwo") == ["fix       one", "          two"]


def test_the_last_column_is_broken_between_words() -> None:
    rows = [("+", "process", "one two three four five six"), ("+", "url", "")]
    assert layout.wrapped_table(rows, 31) == ["+  process  one two three four", "            five six", "+  url      "]
    assert layout.wrapped_table(rows, 1000)[0] == "+  process  one two three four five six"
