"""What takes the room in an image: its largest parts by name, for whoever has to make it smaller.

The base image counts by its layers, what mldeploy adds by package and file; where those are not known (the image was there
already), by layer.
"""

from __future__ import annotations

from collections.abc import Mapping

from mldeploy.image.engine import Engine
from mldeploy.plan import Recipe

SHOWN = 5


def parts(engine: Engine, recipe: Recipe, name: str, sizes: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The largest parts, (name, bytes), largest first."""
    layers = [(f"base image: {_shown(row['CreatedBy']) or 'a layer'}", int(row["Size"])) for row in engine.history(recipe.base)]
    if sizes:
        return _top([*layers, *sizes.items()])
    above = engine.history(name)[: -len(layers) or None]
    return _top([*layers, *((f"layer {number}", int(row["Size"])) for number, row in enumerate(reversed(above), start=1))])


def _top(rows: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((row for row in rows if row[1] > 0), key=lambda row: (-row[1], row[0]))[:SHOWN])


def _shown(command: str) -> str:
    """A builder's note on a layer, on one short line."""
    text = " ".join(command.replace("/bin/sh -c", "").replace("#(nop)", "").split())
    return text if len(text) <= 60 else f"{text[:59]}…"
