"""Values set in a YAML text by its author's hand: only the lines that say something else change; comments, order, spaces stay.

    text ─compose─▶ nodes with their places ─▶ the value's characters replaced, or one entry inserted behind its neighbours

An emitter would write the whole file in its own hand. The result is read again and must be the old document with these values,
else nothing is changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mldeploy.errors import SpecError

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_STEP = "  "
_NULL = "tag:yaml.org,2002:null"


def with_values(text: str, values: Mapping[str, Any]) -> str:
    """`text` with each dotted path set to its value, a text, number or truth value. Raises SpecError for a text that
    cannot be edited so."""
    wanted = yaml.safe_load(text) or {}
    fresh = text
    for path, value in values.items():
        keys = path.split(".")
        fresh = _with(fresh, keys, value)
        _put(wanted, keys, value)
    try:
        found = yaml.safe_load(fresh) or {}
    except yaml.YAMLError:
        found = None
    if found != wanted:
        by_hand = "; ".join(f"{path}: {_scalar(value)}" for path, value in values.items())
        raise SpecError("the spec is written in a way that only its author can edit", f"write into it: {by_hand}")
    return fresh


def value_of(text: str, path: str) -> Any:
    """What `text` says at a dotted path; None where it says nothing."""
    found = yaml.safe_load(text)
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _put(document: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    *sections, last = keys
    for key in sections:
        inner = document.get(key)
        document[key] = dict(inner) if isinstance(inner, dict) else {}  # a copy: an alias elsewhere must not follow
        document = document[key]
    document[last] = value


def _with(text: str, keys: Sequence[str], value: Any) -> str:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for depth, key in enumerate(keys):
        if node is None:
            return _behind(text, len(text), _block(keys, value, ""))
        if not isinstance(node, yaml.MappingNode):
            break
        entry = _entry(node, key)
        if entry is None:
            return _inserted(text, node, keys[depth:], value)
        parent, (name, node) = node, entry
        rest = keys[depth + 1 :]
        if not rest and isinstance(node, yaml.ScalarNode):
            return _replaced(text, node, _scalar(value))
        if not rest:
            break
        if isinstance(node, yaml.ScalarNode):
            if node.tag != _NULL:
                break
            if parent.flow_style:
                return _replaced(text, node, f"{{{_flow(rest, value)}}}")
            indent = " " * name.start_mark.column + _STEP
            return _behind(_replaced(text, node, ""), name.end_mark.index + 1, _block(rest, value, indent))
    raise SpecError(f"'{'.'.join(keys)}' cannot be set: something else stands there", "write it by hand")


def _entry(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next(((name, value) for name, value in node.value if name.value == key), None)


def _replaced(text: str, node: yaml.Node, fresh: str) -> str:
    start, end = node.start_mark.index, _end(node)
    gap = " " if fresh and text[start - 1 : start] == ":" else ""
    return text[:start] + gap + fresh + text[end:]


def _inserted(text: str, node: yaml.MappingNode, keys: Sequence[str], value: Any) -> str:
    """A new last entry of a mapping, written as the others are."""
    if node.flow_style:
        at = node.end_mark.index - 1
        before = text[:at].rstrip()
        gap = ", " if node.value else ""
        return before + gap + _flow(keys, value) + text[len(before) :]
    indent = " " * node.start_mark.column
    return _behind(text, _end(node), _block(keys, value, indent))


def _behind(text: str, at: int, lines: Sequence[str]) -> str:
    """`lines` after the line that `at` is on, its comment included."""
    if not text or text[at - 1] == "\n":  # a block of text ends with its line
        return text[:at] + "".join(f"{line}\n" for line in lines) + text[at:]
    end = text.find("\n", at)
    if end < 0:
        return text + "".join(f"\n{line}" for line in lines) + "\n"
    return text[: end + 1] + "".join(f"{line}\n" for line in lines) + text[end + 1 :]


def _end(node: yaml.Node) -> int:
    """Where the last character of a node is; a block collection's own mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _block(keys: Sequence[str], value: Any, indent: str) -> list[str]:
    """`resources:` / `  memory_mb: 512`."""
    *sections, last = keys
    lines = [f"{indent}{_STEP * depth}{key}:" for depth, key in enumerate(sections)]
    return [*lines, f"{indent}{_STEP * len(sections)}{last}: {_scalar(value)}"]


def _flow(keys: Sequence[str], value: Any) -> str:
    first, *rest = keys
    return f"{first}: {{{_flow(rest, value)}}}" if rest else f"{first}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    """Plain where YAML reads that back as the same text, else quoted as JSON, which YAML reads."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and yaml.safe_load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)
