"""pydantic's errors -> Problems in words, placed in the file: by a table, so that nobody reads pydantic's own.

Several errors about one value are one problem: what a union could have been is said in one breath ("a number or a list").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mldeploy.errors import Problem, closest
from mldeploy.spec.model import ENV_NAME_PATTERN, NAME_PATTERN
from mldeploy.spec.node import Node, Path
from mldeploy.spec.unit_hints import rewrite

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# error type -> what was expected
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a map (`key: value` lines)",
    "model_type": "a map (`key: value` lines)",
    "model_attributes_type": "a map (`key: value` lines)",
    "none_required": "nothing",
}

# error type -> (what is wrong, what to do), formatted with the error's context and `found`
_WORDS = {
    "greater_than": ("{found} is not above {gt}", "write a number above {gt}"),
    "greater_than_equal": ("{found} is below the smallest value, {ge}", "write {ge} or more"),
    "less_than": ("{found} is not below {lt}", "write a number below {lt}"),
    "less_than_equal": ("{found} is above the largest value, {le}", "write {le} or less"),
    "multiple_of": ("{found} is not a multiple of {multiple_of}", "write a multiple of {multiple_of}"),
    "too_short": ("has {actual_length} entries, and needs at least {min_length}", "add what is missing"),
    "too_long": ("has {actual_length} entries, and takes at most {max_length}", "delete the rest"),
    "string_too_short": ("{found} is too short", "write at least {min_length} character(s)"),
    "string_too_long": ("{found} is too long", "write at most {max_length} characters"),
    "string_unicode": ("holds half a character (a surrogate)", "write the character itself"),
}

_MISSING: dict[Path, str] = {
    ("version",): "add `version: 1` as the first line",
    ("name",): "add `name: my-model` (lower-case letters, digits and '-')",
    ("model",): "add `model:` and, indented under it, `path: model.onnx`",
}

Place = Callable[[Path, str, str], Problem]
Branches = Callable[[Path], list[dict[str, Any]]]


def translate(errors: Sequence[ErrorDetails], root: Node, place: Place, branches: Branches) -> list[Problem]:
    """One Problem for each wrong value.

    `place` puts it into the file; `branches` gives the schemas of what may stand at a path.
    """
    placed: dict[Path, list[ErrorDetails]] = {}
    for error in errors:
        placed.setdefault(_path(error, root), []).append(error)
    enclosing = {path[:depth] for path in placed for depth in range(len(path))}
    problems = []
    for path, group in placed.items():
        kept = [error for error in group if error["type"] not in _EXPECTED]
        if kept:
            problems += [place(path, *_words(error, path, root, branches)) for error in kept]
        elif path not in enclosing:  # else the value was meant for another member of the union, and that one's errors count
            problems.append(place(path, *_wrong_type(group, path, root)))
    return problems


def _path(error: ErrorDetails, root: Node) -> Path:
    """Where in the data an error is: its location without pydantic's names of union members."""
    path: Path = ()
    location = error["loc"]
    for index, step in enumerate(location):
        is_last_missing = error["type"] == "missing" and index == len(location) - 1
        if is_last_missing or root.at(*path, step) is not None:
            path = (*path, step)
    return path


def describe(node: Node) -> str:
    """What stands there, in words."""
    value = node.value
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 60 else f"'{value[:57]}…'"
    if isinstance(value, (dict, list)):
        return "a map" if isinstance(value, dict) else "a list"
    return node.text


def _wrong_type(group: Sequence[ErrorDetails], path: Path, root: Node) -> tuple[str, str]:
    node = root.at(*path) or root
    wanted = list(dict.fromkeys(_EXPECTED[error["type"]] for error in group))
    return f"expected {' or '.join(wanted)}, found {_kind_of(node)}", rewrite(node, wanted, str(path[-1]) if path else "")


def _kind_of(node: Node) -> str:
    said = describe(node)
    if isinstance(node.value, str):
        return f"the text {said}"
    return f"the number {said}" if isinstance(node.value, (int, float)) and not isinstance(node.value, bool) else said


def _words(error: ErrorDetails, path: Path, root: Node, branches: Branches) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    node = root.at(*path)
    found = describe(node) if node is not None else ""
    if kind == "missing" and isinstance(path[-1], int):
        return "is missing", f"this list has more entries: add number {path[-1] + 1}"
    if kind == "missing":
        return "is missing", _MISSING.get(path, _add(path, _keys(branches(error["loc"][:-1]))))
    if kind == "extra_forbidden":
        return _unknown_key(error, branches)
    if kind in ("literal_error", "enum"):
        return _not_one_of(found, re.findall(r"'([^']*)'", context["expected"]) or [context["expected"]])
    if kind == "union_tag_invalid":
        given = root.at(*path, "kind")
        return _not_one_of(f"kind: {describe(given)}" if given else found, re.findall(r"'([^']*)'", context["expected_tags"]))
    if kind == "union_tag_not_found":
        kinds = [part["properties"]["kind"]["const"] for part in branches(path)]
        return "has no `kind`", f"add `kind:` with one of {', '.join(kinds)}"
    if kind == "string_pattern_mismatch":
        is_key = error["loc"][-1] == "[key]"
        return f"{path[-1]!r} is not a legal name" if is_key else f"{found} is not legal here", _pattern_fix(context["pattern"])
    if kind in _WORDS:
        message, fix = _WORDS[kind]
        return message.format(found=found, **context), fix.format(found=found, **context)
    said = re.sub(r"^(Value|Assertion) error, ", "", error["msg"])
    return f"is not valid: {said[:1].lower()}{said[1:]}", "see the keys and their values in docs/spec.md"


def _keys(branches: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: part for branch in branches for key, part in branch.get("properties", {}).items()}


def _add(path: Path, known: dict[str, Any]) -> str:
    about = known.get(str(path[-1]), {}).get("description")
    return f"add `{path[-1]}:`" + (f" ({about})" if about else "")


def _unknown_key(error: ErrorDetails, branches: Branches) -> tuple[str, str]:
    key = str(error["loc"][-1])
    known = _keys(branches(error["loc"][:-1]))
    meant = closest(key, known)
    if meant:
        return f"unknown key; did you mean '{meant}'?", f"write {meant}, or delete the line"
    homes = [section for section in _keys(branches(())) if key in _keys(branches((section,)))]
    if homes:
        return "unknown key here", f"move it under {homes[0]}:"
    return "unknown key", f"the keys here are {', '.join(sorted(known))}" if known else "delete the line"


def _not_one_of(found: str, allowed: list[str]) -> tuple[str, str]:
    meant = closest(found.rpartition("'")[0].rpartition("'")[2], allowed) if "'" in found else None
    question = f"; did you mean '{meant}'?" if meant else ""
    names = allowed[0] if len(allowed) == 1 else f"one of {', '.join(allowed)}"
    return f"{found} is not {names}{question}", f"write {meant or names}"


def _pattern_fix(pattern: str) -> str:
    if pattern == ENV_NAME_PATTERN:
        return "use capital letters, digits and '_', not starting with a digit"
    if pattern == NAME_PATTERN:
        return "use at most 40 lower-case letters, digits and '-', starting with a letter and ending with a letter or digit"
    return f"write text that matches {pattern}"
