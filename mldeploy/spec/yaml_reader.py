"""YAML text -> Nodes. Bounded by design: it follows the parser's events and builds nothing that the text does not spell out.

    plain scalars are what JSON has: null (~, nothing), true/false, 12, -3, 0.5, 1e-3; everything else is text

so `no`, `on`, 1_000, 010, 12:30 and 2026-11-21 are text and surprise nobody, and a field that wants a number says so. Keys are
always text. Refused, with the place and the way out: duplicate keys, anchors and aliases, merge keys, tags, several documents,
tabs as indentation, more than MAX_DEPTH levels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from mldeploy.errors import Problem
from mldeploy.spec.node import Node, Path, Scalar, dotted
from mldeploy.spec.yaml_syntax import explain

MAX_DEPTH = 64

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,39})")
_FLOAT = re.compile(r"[-+]?(?=.*[.eE])(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Refused(Exception):
    """Reading cannot go on after this problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def read(text: str, file: str, loader: Any = LOADER) -> tuple[Node | None, list[Problem]]:
    """The document's root (None when it is empty or cannot be read) and what is wrong with its form. Never raises."""
    found = _UNPRINTABLE.search(text)
    if found:
        line, column = place(text, found.start())
        message = f"is not a text file: it holds the character U+{ord(found.group()):04X}"
        return None, [Problem(file, line, column, "", message, "name a YAML file; a model file goes into model.path")]
    reader = _Reader(file, loader)
    try:
        return reader.document(text), reader.problems
    except _Refused as refused:
        return None, [*reader.problems, refused.problem]
    except (yaml.YAMLError, ValueError) as error:
        return None, [*reader.problems, explain(error, text, file)]


def place(text: str, index: int) -> tuple[int, int]:
    """The 1-based line and column of a character."""
    lines = f"{text[:index]}.".splitlines()
    return len(lines), len(lines[-1])


def scalar(text: str) -> Scalar:
    """What a plain (unquoted) scalar means: JSON's values, else text. A number that no float holds is text."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


class _Reader:
    """One pass over the events of one document."""

    def __init__(self, file: str, loader: Any) -> None:
        self.file = file
        self.loader = loader
        self.problems: list[Problem] = []

    def document(self, text: str) -> Node | None:
        events = yaml.parse(text, Loader=self.loader)
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refuse(
                        event,
                        (),
                        "a second document starts here; a spec is one document",
                        "delete this '---', or put the rest into a file of its own",
                    )
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, events, (), event)
        return root

    def _refuse(self, event: Any, path: Path, message: str, fix: str) -> _Refused:
        mark = event.start_mark
        return _Refused(Problem(self.file, mark.line + 1, mark.column + 1, dotted(path), message, fix))

    def _node(self, event: Any, events: Iterator[Any], path: Path, key: Any) -> Node:
        """The node that starts with `event`; `key` is the event whose place it takes."""
        self._check(event, path)
        line, column = key.start_mark.line + 1, key.start_mark.column + 1
        if isinstance(event, yaml.ScalarEvent):
            if not event.style:  # None or '', as the parser has it
                return Node(scalar(event.value), line, column, event.value)
            return Node(event.value, line, column)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(self._sequence(events, path), line, column)
        return Node(self._mapping(events, path), line, column)

    def _check(self, event: Any, path: Path) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            raise self._refuse(
                event,
                path,
                f"{sign}{event.anchor}: a spec takes no anchors and aliases",
                "write the value out; what differs between stages goes under stages:",
            )
        if event.tag:
            raise self._refuse(
                event,
                path,
                f"a spec takes no tags ({event.tag})",
                "delete the tag; text that looks like a number goes in quotes",
            )
        if len(path) > MAX_DEPTH:
            raise self._refuse(
                event, (), f"is nested more than {MAX_DEPTH} levels deep", "a spec needs five; flatten this part"
            )

    def _sequence(self, events: Iterator[Any], path: Path) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._node(event, events, (*path, len(items)), event))
        return items

    def _mapping(self, events: Iterator[Any], path: Path) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(key := next(events), yaml.MappingEndEvent):
            self._check(key, path)
            if not isinstance(key, yaml.ScalarEvent):
                raise self._refuse(key, path, "a key is a list or a map", "write keys as plain text: `key: value`")
            name: str = key.value
            if name == "<<" and not key.style:
                raise self._refuse(key, path, "a spec takes no merge keys (<<)", "write the keys out")
            node = self._node(next(events), events, (*path, name), key)
            first = entries.setdefault(name, node)
            if first is not node:
                said = f"is written twice; first on line {first.line}"
                at = dotted((*path, name))
                self.problems.append(Problem(self.file, node.line, node.column, at, said, "delete one of the two"))
        return entries
