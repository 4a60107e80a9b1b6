"""What differs between two values of inputs, as the paths that the engine shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, "add" | "delete" | "update") of every leaf that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            inner = f"{path}.{name}" if path else name
            if name not in new:
                yield inner, "delete"
            elif name not in old:
                yield inner, "add"
            else:
                yield from differences(old[name], new[name], inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from differences(before, after, f"{path}[{index}]")
    elif old != new:
        yield path, "update"
