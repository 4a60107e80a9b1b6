"""What takes the room in an image: its largest parts by name, for whoever has to make it smaller.

The base image counts by its layers, what mldeploy adds by package and by file of the model.
"""

from __future__ import annotations

from collections.abc import Mapping

from mldeploy.image.engine import Engine
from mldeploy.plan import Recipe

SHOWN = 5


def parts(engine: Engine, recipe: Recipe, sizes: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The largest parts, (name, bytes), largest first. `sizes` are those of the packages and the model's files."""
    layers = [(f"base image: {_shown(row['CreatedBy']) or 'a layer'}", int(row["Size"])) for row in engine.history(recipe.base)]
    return _top([*layers, *sizes.items()])


def _top(rows: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((row for row in rows if row[1] > 0), key=lambda row: (-row[1], row[0]))[:SHOWN])


def _shown(command: str) -> str:
    """A builder's note on a layer, on one short line."""
    text = " ".join(command.replace("/bin/sh -c", "").replace("#(nop)", "").split())
    return text if len(text) <= 60 else f"{text[:59]}…"
