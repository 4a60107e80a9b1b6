"""Stage overlays: the base with one stage's changes on top.

    maps merge key by key · lists and scalars replace · null resets to the default · a changed `kind` replaces its whole block

Every node keeps its own place, so that a message about a merged value points at the line that set it.
"""

from __future__ import annotations

from dataclasses import replace

from mldeploy.spec.node import Node, Path

# Blocks whose keys depend on their `kind`: merging the keys of two kinds makes no sense of either.
_BY_KIND: frozenset[Path] = frozenset({("model", "preprocess"), ("model", "postprocess")})


def merge(base: Node, overlay: Node, path: Path = ()) -> Node:
    """`overlay` over `base`. Neither is changed."""
    if not (isinstance(base.value, dict) and isinstance(overlay.value, dict)) or _is_other_kind(base, overlay, path):
        return _without_nulls(overlay)
    merged = dict(base.value)
    for key, change in overlay.value.items():
        if change.value is None:
            merged.pop(key, None)
        elif key in merged:
            merged[key] = merge(merged[key], change, (*path, key))
        else:
            merged[key] = _without_nulls(change)
    return replace(base, value=merged)


def _is_other_kind(base: Node, overlay: Node, path: Path) -> bool:
    kind = overlay.at("kind")
    before = base.at("kind")
    return path in _BY_KIND and kind is not None and kind.value is not None and (before is None or before.value != kind.value)


def _without_nulls(node: Node) -> Node:
    """A map that is new in an overlay: its nulls reset what was never set."""
    if not isinstance(node.value, dict):
        return node
    return replace(node, value={key: _without_nulls(child) for key, child in node.value.items() if child.value is not None})


def staged(node: Node, stage: str) -> Node:
    """`node` and all under it, marked as coming from `stage`."""
    value = node.value
    if isinstance(value, dict):
        value = {key: staged(child, stage) for key, child in value.items()}
    elif isinstance(value, list):
        value = [staged(child, stage) for child in value]
    return replace(node, value=value, stage=stage)
