"""The YAML reader: what plain scalars mean, on both of the library's parsers."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mldeploy.spec.yaml_reader import place, read

LOADERS = [pytest.param(yaml.SafeLoader, id="pure"), pytest.param(yaml.CSafeLoader, id="libyaml")]

# Letters that mean themselves inside a JSON string and a YAML one alike.
LETTERS = st.characters(exclude_categories=("Cs", "Cc", "Cf", "Cn", "Co", "Zl", "Zp"))
TEXT = st.text(LETTERS, max_size=20)
NUMBERS = st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False)
DATA = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-11-21", "2026-11-21"),
        ("1.10", 1.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e999", "1e999"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("1" * 60, "1" * 60),
        ("'12'", "12"),
        ('"true"', "true"),
        ("=", "="),
        ("v1.2", "v1.2"),
    ],
)
def test_plain_scalars_are_jsons_values_or_text(loader: object, written: str, meant: object) -> None:
    root, problems = read(f"key: {written}\n", "f.yaml", loader)
    assert problems == []
    assert root is not None
    assert root.plain() == {"key": meant}
    assert type(root.plain()["key"]) is type(meant)


@pytest.mark.parametrize("loader", LOADERS)
def test_keys_are_text(loader: object) -> None:
    root, problems = read("on: 1\n1: 2\nnull: 3\n'<<': 4\n", "f.yaml", loader)
    assert problems == []
    assert root is not None
    assert root.plain() == {"on": 1, "1": 2, "null": 3, "<<": 4}


@pytest.mark.parametrize("loader", LOADERS)
def test_the_place_is_that_of_the_key_or_of_the_item(loader: object) -> None:
    root, _ = read("a:\n  b: 1\nc: [x, y]\nd:\n  - e: 1\n", "f.yaml", loader)
    assert root is not None
    places = {path: (node.line, node.column) for path, node in root.walk()}
    assert places[("a", "b")] == (2, 3)
    assert places[("c", 1)] == (3, 8)
    assert places[("d", 0, "e")] == (5, 5)


@pytest.mark.parametrize("loader", LOADERS)
def test_duplicate_keys_are_found_at_every_level(loader: object) -> None:
    _, problems = read("a: {x: 1, x: 2}\nb:\n  - c: 1\n    c: 2\na: 3\n", "f.yaml", loader)
    assert [(problem.path, problem.line) for problem in problems] == [("a.x", 1), ("b.0.c", 4), ("a", 5)]


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("text", ['a: "\\U00110000"\n', 'a: "\\ud800"\n', "a: \ud800\n", "a\n b\n\tc: 1", "[", "{", "\t"])
def test_what_cannot_be_read_is_one_problem(loader: object, text: str) -> None:
    root, problems = read(text, "f.yaml", loader)
    if root is None:
        assert len(problems) == 1
    else:
        assert root.plain() == {"a": "\ud800"}, "only half a character in quotes gets through, and the types refuse it"


def test_a_place_counts_all_line_ends() -> None:
    assert place("ab\r\ncd\x85e", 6) == (2, 3)
    assert place("", 0) == (1, 1)


@settings(deadline=None)
@given(DATA)
def test_json_is_read_as_json(data: object) -> None:
    root, problems = read(json.dumps(data, ensure_ascii=False), "f.yaml")
    assert problems == []
    assert root is not None
    assert root.plain() == data


@settings(deadline=None)
@given(st.text() | st.text("ab:-[]{}&*!|>'\"%@`#?,. \t\n01~<"))
def test_reading_never_raises_and_stays_in_the_file(text: str) -> None:
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        root, problems = read(text, "f.yaml", loader)
        places = [(problem.line, problem.column) for problem in problems]
        places += [(node.line, node.column) for _, node in root.walk()] if root else []
        lines = text.removeprefix("\ufeff").splitlines() or [""]
        for line, column in places:
            assert 1 <= line <= len(lines) + 1
            assert 1 <= column <= (len(lines[line - 1]) if line <= len(lines) else 0) + 2
