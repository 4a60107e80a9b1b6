"""Node: a value of the spec together with its place in the file. What the reader makes, the overlays merge and the rules read.

A path is a tuple of keys and list indices (("smoke", 0, "file")); messages and marks write it with dots ("smoke.0.file").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Scalar = str | int | float | bool | None
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One value. `line` and `column` (1-based) are those of its key, or of the item in a list.

    `text` is a plain scalar exactly as written ("1.10"), empty for quoted text and for collections. `stage` is the overlay
    that it comes from, "" for the base.
    """

    value: dict[str, Node] | list[Node] | Scalar
    line: int
    column: int
    text: str = ""
    stage: str = ""

    def at(self, *path: str | int) -> Node | None:
        """The node under `path`, or None when there is none."""
        node = self
        for key in path:
            child: Node | None = None
            if isinstance(node.value, dict) and isinstance(key, str):
                child = node.value.get(key)
            elif isinstance(node.value, list) and isinstance(key, int) and key < len(node.value):
                child = node.value[key]
            if child is None:
                return None
            node = child
        return node

    def text_at(self, *path: str | int) -> str | None:
        """The text under `path`, or None when nothing or something else stands there."""
        node = self.at(*path)
        return node.value if node is not None and isinstance(node.value, str) else None

    def map_at(self, *path: str | int) -> dict[str, Node]:
        """The map under `path`; empty when nothing or something else stands there."""
        node = self.at(*path)
        return node.value if node is not None and isinstance(node.value, dict) else {}

    def list_at(self, *path: str | int) -> list[Node]:
        """The list under `path`; empty when nothing or something else stands there."""
        node = self.at(*path)
        return node.value if node is not None and isinstance(node.value, list) else []

    def plain(self) -> Any:
        """The value as plain Python data."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """This node and all under it, with their paths, parents first."""
        yield path, self
        if isinstance(self.value, dict):
            for key, child in self.value.items():
                yield from child.walk((*path, key))
        elif isinstance(self.value, list):
            for index, child in enumerate(self.value):
                yield from child.walk((*path, index))


def dotted(path: Path) -> str:
    """A path as messages write it."""
    return ".".join(map(str, path))
