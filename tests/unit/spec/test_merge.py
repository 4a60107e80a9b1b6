"""The laws of stage overlays."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mldeploy.spec.merge import merge, staged
from mldeploy.spec.node import Node
from mldeploy.spec.yaml_reader import read

KEYS = st.sampled_from(["a", "b", "c", "kind"])
LEAVES = st.none() | st.integers(0, 9) | st.sampled_from(["x", "y"]) | st.lists(st.integers(0, 9), max_size=3)
MAPS = st.dictionaries(
    KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=6), max_size=4
)
WHOLE = MAPS.map(lambda data: json.loads(json.dumps(data), object_hook=lambda d: {k: v for k, v in d.items() if v is not None}))


def node(data: Any) -> Node:
    root, problems = read(json.dumps(data), "f.yaml")
    assert root is not None
    assert problems == []
    return root


def merged(base: Any, overlay: Any) -> Any:
    return merge(node(base), node(overlay)).plain()


@settings(deadline=None)
@given(MAPS)
def test_an_empty_overlay_changes_nothing(base: dict[str, Any]) -> None:
    assert merged(base, {}) == base


@settings(deadline=None)
@given(WHOLE)
def test_over_nothing_the_overlay_is_the_result(overlay: dict[str, Any]) -> None:
    assert merged({}, overlay) == overlay


@settings(deadline=None)
@given(WHOLE, MAPS)
def test_merging_twice_is_merging_once(base: dict[str, Any], overlay: dict[str, Any]) -> None:
    once = merged(base, overlay)
    assert merged(once, overlay) == once


@settings(deadline=None)
@given(WHOLE, MAPS)
def test_the_overlay_wins_key_by_key_and_null_removes(base: dict[str, Any], overlay: dict[str, Any]) -> None:
    result = merged(base, overlay)
    assert set(result) == (set(base) | set(overlay)) - {key for key, value in overlay.items() if value is None}
    for key, value in result.items():
        if key not in overlay:
            assert value == base[key]
        elif not isinstance(overlay[key], dict):
            assert value == overlay[key]


@settings(deadline=None)
@given(WHOLE, WHOLE, WHOLE)
def test_overlays_without_nulls_are_associative(a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]) -> None:
    left, right = merged(merged(a, b), c), merged(a, merged(b, c))
    assert left == right or _has_kind_clash(a, b, c)


def _has_kind_clash(*maps: dict[str, Any]) -> bool:
    """A scalar between two maps hides the first map on one side only: the one case where order of merging shows."""
    shapes = [{path: type(value) for path, value in _paths(data)} for data in maps]
    return any(
        shapes[0].get(path) is dict and shapes[2].get(path) is dict and shapes[1].get(path, dict) is not dict
        for path in shapes[0]
    )


def _paths(data: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    below = [entry for key, value in data.items() for entry in _paths(value, (*path, key))] if isinstance(data, dict) else []
    return [(path, data), *below]


def test_lists_replace() -> None:
    assert merged({"a": [1, 2]}, {"a": [3]}) == {"a": [3]}


def test_another_kind_replaces_the_block_and_the_same_kind_merges() -> None:
    base = {"model": {"preprocess": {"kind": "image", "size": [2, 2]}}}
    assert merged(base, {"model": {"preprocess": {"kind": "none"}}}) == {"model": {"preprocess": {"kind": "none"}}}
    same = {"model": {"preprocess": {"kind": "image", "scale": 1}}}
    assert merged(base, same) == {"model": {"preprocess": {"kind": "image", "size": [2, 2], "scale": 1}}}
    assert merged({"tags": {"kind": "a", "b": "c"}}, {"tags": {"kind": "d"}}) == {"tags": {"kind": "d", "b": "c"}}


def test_every_value_remembers_its_stage_and_place() -> None:
    base, overlay = read("a:\n  b: 1\n  c: 2\n", "f")[0], read("\n\n\na:\n  b: [3]\n", "f")[0]
    assert base is not None
    assert overlay is not None
    both = merge(base, staged(overlay, "prod"))
    b, c = both.at("a", "b"), both.at("a", "c")
    assert b is not None
    assert c is not None
    assert (b.line, b.stage, b.at(0).stage) == (5, "prod", "prod")  # type: ignore[union-attr]
    assert (c.line, c.stage) == (3, "")
    assert both.at("a", "b", 1) is None
    assert both.at("a", "b", "x") is None
