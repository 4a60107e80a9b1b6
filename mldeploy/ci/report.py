"""What a pull request changes, as Markdown: one row a cloud, and below it the resources one by one.

    <cloud>.preview.json      `preview --json` of the head        <cloud>.image.json        `build --json` of the head
    <cloud>.base.json         the same of what it is compared     <cloud>.base-image.json   with

A document that is missing, or that tells of an error, leaves its cells "unknown"; nothing is guessed. Names come from the pull
request: they stand in code spans, in which Markdown, HTML and mentions mean nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

UNKNOWN = "unknown"
MAX_CHANGES = 200  # a comment holds 65,536 characters
MAX_TEXT = 120
_ACTIONS = ("replace", "delete", "create", "update")  # what deserves a look first
_MEGABYTE = 1_000_000

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """The documents of one cloud; empty where there is none."""

    cloud: str
    preview: Document = field(default_factory=dict)
    base: Document = field(default_factory=dict)
    image: Document = field(default_factory=dict)
    base_image: Document = field(default_factory=dict)

    @property
    def changes(self) -> Sequence[Document] | None:
        """None where nobody could tell."""
        told = self.preview.get("preview")
        return told["changes"] if isinstance(told, Mapping) else None


def marker(model: str) -> str:
    """The first line of a comment, by which it is found again."""
    return f"<!-- mldeploy: {model} -->"


def markdown(model: str, clouds: Sequence[Found]) -> str:
    """The whole comment."""
    return "\n".join(_lines(model, clouds)) + "\n"


def _lines(model: str, clouds: Sequence[Found]) -> Iterator[str]:
    yield marker(model)
    yield f"### {_code(model)}"
    yield ""
    yield "| cloud | resources | fixed a month | month at the spec's workload | image |"
    yield "|---|---|---|---|---|"
    for found in clouds:
        cells = (_summary(found), _money(found, "fixed_monthly_usd"), _money(found, "monthly_usd"), _size(found))
        yield f"| {_code(found.cloud)} | {' | '.join(cells)} |"
    for found in clouds:
        yield from _details(found)


def _summary(found: Found) -> str:
    changes = found.changes
    if changes is None:
        return UNKNOWN
    counted = Counter(change["action"] for change in changes)
    told = [f"{counted[action]} to {action}" for action in _ACTIONS if counted[action]]
    return ", ".join(told) or "no change"


def _money(found: Found, key: str) -> str:
    """The amount, and how it differs from that of the base."""
    now, before = _amount(found.preview, key), _amount(found.base, key)
    if now is None:
        return UNKNOWN
    if before is None:
        return f"${now:,.2f}"
    difference = now - before
    sign = "+" if difference >= 0 else "−"
    return f"${now:,.2f} (no change)" if not difference else f"${now:,.2f} ({sign}${abs(difference):,.2f})"


def _amount(document: Document, key: str) -> Decimal | None:
    cost = document.get("cost")
    value = cost.get(key) if isinstance(cost, Mapping) else None
    try:
        return Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None


def _size(found: Found) -> str:
    now, before = found.image.get("size_bytes"), found.base_image.get("size_bytes")
    if not isinstance(now, int):
        return UNKNOWN
    text = f"{now / _MEGABYTE:,.1f} MB"
    if not isinstance(before, int):
        return text
    return f"{text} (no change)" if now == before else f"{text} ({(now - before) / _MEGABYTE:+,.1f} MB)"


def _details(found: Found) -> Iterator[str]:
    changes = [change for change in found.changes or () if change["action"] in _ACTIONS]
    if not changes:
        return
    changes.sort(key=lambda change: _ACTIONS.index(change["action"]))
    yield ""
    yield f"<details><summary>{found.cloud}: resources</summary>"
    yield ""
    for change in changes[:MAX_CHANGES]:
        reasons = ", ".join(_code(reason) for reason in change.get("reasons", ()))
        yield f"- {change['action']} {_code(change['kind'])} {_code(change['name'])}{f': {reasons}' if reasons else ''}"
    if len(changes) > MAX_CHANGES:
        yield f"- and {len(changes) - MAX_CHANGES} more"
    yield ""
    yield "</details>"


def _code(text: str) -> str:
    """`text` in a code span, on one line and of a bounded length."""
    plain = re.sub(r"\s+", " ", str(text)).replace("`", "'").replace("|", "¦")
    return f"`{plain if len(plain) <= MAX_TEXT else plain[:MAX_TEXT] + '…'}`"
