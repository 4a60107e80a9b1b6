"""Changes of resources as lines: a mark, what it is, what it is called, and which of its properties differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mldeploy.cli.layout import table
from mldeploy.cli.terminal import Terminal, printable

if TYPE_CHECKING:
    from mldeploy.providers.contract import Change

MARKS = {"create": "+", "update": "~", "replace": "±", "delete": "-", "same": "="}
_COLORS = {"create": "green", "update": "yellow", "replace": "red", "delete": "red", "same": "dim"}
_ORDER = list(MARKS)


def lines(changes: Sequence[Change], terminal: Terminal) -> Iterator[str]:
    """Everything that differs, one line each, with its reasons below it. What stays the same is only counted."""
    differing = [change for change in changes if change.action != "same"]
    heads = table([(MARKS.get(each.action, "?"), each.kind, each.name) for each in differing])
    for change, head in zip(differing, heads, strict=True):
        mark, rest = head[:1], head[1:]
        yield f"  {terminal.style(mark, _COLORS.get(change.action, 'dim'))}{rest}"
        for reason in change.reasons:
            yield f"       {printable(reason)}"


def summary(changes: Sequence[Change]) -> str:
    """ "3 to create, 1 to update, 9 the same" """
    words = {"same": "the same"}
    counts = {action: sum(change.action == action for change in changes) for action in _ORDER}
    return ", ".join(f"{n} {words.get(action, f'to {action}')}" for action, n in counts.items() if n) or "nothing"
