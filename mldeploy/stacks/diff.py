"""Two sets of a resource's properties, compared in words. Pure; secrets are recognised by the engine's mark and never shown.

{"memorySize": 1024, …} · {"memorySize": 2048, …}  ─▶  ("memorySize 1024 → 2048",)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SECRET_MARK = "4dabf18193072939515e22adb298388d"  # noqa: S105 (the engine's signature of a wrapped value, public)
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET, COMPUTED = "[secret]", "known after the update"
_SHOWN_CHARS = 80
_SHOWN_REASONS = 8


def reasons(old: Mapping[str, Any], new: Mapping[str, Any], words: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Every property that differs. `words` maps values that mean nothing to a person to what they stand for."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    changed = [path for path in dict.fromkeys((*before, *after)) if before.get(path) != after.get(path)]
    shown = [_reason(path, before.get(path), after.get(path), words or {}) for path in changed[:_SHOWN_REASONS]]
    if len(changed) > _SHOWN_REASONS:
        shown.append(f"and {len(changed) - _SHOWN_REASONS} more")
    return tuple(shown)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each scalar with its path. Keys with two underscores are the engine's and the plugins' own."""
    if isinstance(value, Mapping) and SECRET_MARK in value:
        yield path, SECRET
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if not str(key).startswith("__"):
                yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    elif value is not None:
        yield path, COMPUTED if value == UNKNOWN else value


def _reason(path: str, old: Any, new: Any, words: Mapping[str, str]) -> str:
    if SECRET in (old, new):
        return f"{path} {SECRET}"
    if old is None:
        return f"{path} {_shown(new, words)} added"
    return f"{path} {_shown(old, words)} removed" if new is None else f"{path} {_shown(old, words)} → {_shown(new, words)}"


def _shown(value: Any, words: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = " ".join(str(value).split())
    for plain, meaning in words.items():
        text = text.replace(plain, meaning)
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"
