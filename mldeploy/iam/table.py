"""The table of a cloud: which actions a resource type needs, and on what. Read from TOML, checked when it is read.

[[grant]]
kinds = ["aws:sns/topic:Topic"]     resource types; [] for what every deployment needs
on = ["arn:…:{topic}"]              in the cloud's notation; {names} are filled in
actions = ["sns:CreateTopic"]       never with a wildcard
because = "…"                       only where `on` is wider than the deployment
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mldeploy.errors import DeployError


@dataclass(frozen=True)
class Row:
    """One grant of the table. `more` has whatever else a cloud writes into its rows (a condition, say)."""

    kinds: tuple[str, ...]
    on: tuple[str, ...]
    actions: tuple[str, ...]
    because: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


def read(file: Path) -> tuple[Row, ...]:
    """Every row. Raises ValueError for an action with a wildcard, and for a row without actions."""
    with file.open("rb") as opened:
        found = tomllib.load(opened)["grant"]
    return tuple(_row(dict(each)) for each in found)


def _row(entry: dict[str, Any]) -> Row:
    actions = tuple(entry.pop("actions"))
    if not actions or any("*" in action for action in actions):
        raise ValueError(f"a grant needs actions, each without a wildcard: {actions}")
    kinds, on = tuple(entry.pop("kinds")), tuple(entry.pop("on", ()))
    return Row(kinds, on, actions, str(entry.pop("because", "")), entry)


def kinds(rows: Iterable[Row]) -> frozenset[str]:
    """Every resource type that a row names."""
    return frozenset(kind for row in rows for kind in row.kinds)


def needed(rows: Iterable[Row], wanted: Iterable[str]) -> tuple[Row, ...]:
    """The rows for the wanted types, and those that every deployment needs, in the table's order. Raises DeployError for a
    type without a row: a policy that leaves it out would fail half-way through a deployment."""
    table, asked = tuple(rows), frozenset(wanted)
    unknown = sorted(asked - kinds(table))
    if unknown:
        raise DeployError(
            f"no rights are known for {', '.join(unknown)}", "this is a bug: the cloud's iam.toml lacks a row; please report it"
        )
    return tuple(row for row in table if not row.kinds or asked & set(row.kinds))
