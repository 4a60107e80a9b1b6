"""LoadedSpec: a ModelSpec together with where each of its keys stands in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mldeploy.errors import Problem
from mldeploy.spec.model import ModelSpec


@dataclass(frozen=True)
class Mark:
    """Where a key stands: 1-based line and column, and the stage whose overlay set it ("" for the base)."""

    line: int
    column: int
    stage: str = ""


@dataclass(frozen=True)
class LoadedSpec:
    """`spec` with `stage` applied. `file` is what messages call the spec; `root` is the folder its paths are relative to.

    `marks` maps dotted key paths ("resources.memory_mb", "smoke.0.inputs", "" for the document) to their place. `warnings` are
    worth a line and stop nothing.
    """

    spec: ModelSpec
    file: str
    root: Path
    stage: str
    marks: Mapping[str, Mark] = field(repr=False)
    warnings: tuple[Problem, ...] = ()

    def mark(self, path: str) -> Mark:
        """The place of `path`, or of the nearest enclosing key that is written in the file."""
        while path not in self.marks and path:
            path = path.rpartition(".")[0]
        return self.marks.get(path, Mark(1, 1))

    def origin(self, path: str) -> str | None:
        """ "mldeploy.yaml:12" or "stage prod (mldeploy.yaml:40)" when the user wrote this key, else None."""
        mark = self.marks.get(path)
        if mark is None:
            return None
        place = f"{Path(self.file).name}:{mark.line}"
        return f"stage {mark.stage} ({place})" if mark.stage else place

    def problem(self, path: str, message: str, fix: str) -> Problem:
        """A Problem at the place of `path`; its path says so when a stage's overlay set it."""
        mark = self.mark(path)
        written = f"stages.{mark.stage}.{path}" if mark.stage else path
        return Problem(self.file, mark.line, mark.column, written, message, fix)

    def resolve(self, relative: str) -> Path:
        """A path of the spec, resolved against the spec's folder."""
        return (self.root / relative).resolve()
