"""Everything that is checked about one document: types, rules, files, secrets, each provider's block, and its overlays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain, islice
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mldeploy.errors import Problem, closest
from mldeploy.spec import file_rules, rules, secret_rules
from mldeploy.spec import node as tree
from mldeploy.spec.model import ModelSpec
from mldeploy.spec.node import Node, dotted
from mldeploy.spec.schema import Schema, base_schema, branches_at
from mldeploy.spec.translate import translate

SettingsModels = Mapping[str, type[BaseModel]]
# A file with more mistakes of a kind than this is no spec, and nobody reads them: the time that finding all takes has a bound.
MOST = 500
MAX_STAGES = 32
FIXED_IN_STAGES = ("name", "version", "stages")


class Check:
    """The checks of one file, at its places. `folder` is what its paths are relative to."""

    def __init__(self, file: str, folder: Path, settings_models: SettingsModels | None) -> None:
        self.file = file
        self.folder = folder
        self.settings_models = settings_models

    def overlays(self, root: Node) -> Iterator[Problem]:
        """What is wrong with the overlays as such: keys that none may hold, and nulls that reset nothing (typos, mostly)."""
        stages = root.map_at("stages")
        if len(stages) > MAX_STAGES:
            surplus = list(stages.values())[MAX_STAGES]
            yield self._problem(
                surplus, ("stages",), f"has {len(stages)} stages, and takes at most {MAX_STAGES}", "delete the rest"
            )
        for stage, overlay in islice(stages.items(), MAX_STAGES):
            for key in FIXED_IN_STAGES:
                found = overlay.at(key)
                if found is not None:
                    fix = "delete it; each stage is deployed under the name and its own"
                    yield self._problem(found, ("stages", stage, key), f"a stage cannot change {key}", fix)
            for path, node in _idle_nulls(overlay, root, ()):
                is_secret = path[0] == "secrets"
                fix = f"write {path[-1]}: env:{path[-1]}" if is_secret else "delete the line, or give it a value"
                said = "nothing (null) resets a key, and outside this stage there is none to reset"
                yield self._problem(node, ("stages", stage, *path), said, fix)

    def whole(self, root: Node) -> tuple[ModelSpec | None, list[Problem]]:
        """One document with its overlay merged: its ModelSpec when the types are right, and all that is wrong."""
        place = Places(self.file, root)
        spec, problems = None, []
        try:
            spec = ModelSpec.model_validate(root.plain())
        except ValidationError as error:
            problems = translate(_first(error), root, place, lambda at: branches_at(_model_schema(), at))
        found = chain(rules.problems(root), file_rules.problems(root, self.folder), secret_rules.problems(root))
        problems += [place(*finding) for finding in islice(found, MOST)]
        for name, block in islice(root.map_at("clouds").items(), MOST):
            problems += self._cloud(name, block, place)
        return spec, problems

    def warnings(self, root: Node) -> Iterator[Problem]:
        """What is worth a line and stops nothing."""
        place = Places(self.file, root)
        for finding in chain(rules.warnings(root), secret_rules.warnings(root)):
            yield place(*finding)

    def _cloud(self, name: str, block: Node, place: Places) -> list[Problem]:
        if self.settings_models is None or not isinstance(block.value, dict):
            return []
        if name not in self.settings_models:
            meant = closest(name, self.settings_models)
            said = "unknown cloud" + (f"; did you mean '{meant}'?" if meant else "")
            return [place(("clouds", name), said, f"the clouds installed here are {', '.join(sorted(self.settings_models))}")]
        model = self.settings_models[name]
        try:
            model.model_validate(block.plain())
        except ValidationError as error:
            schema = model.model_json_schema()
            within = place.under("clouds", name)
            return translate(_first(error), block, within, lambda at: branches_at(schema, at))
        return []

    def _problem(self, node: Node, path: tree.Path, message: str, fix: str) -> Problem:
        return Problem(self.file, node.line, node.column, dotted(path), message, fix)


class Places:
    """Makes Problems at the place of a path, or of what encloses it; says which stage's overlay it stands in."""

    def __init__(self, file: str, root: Node, base: tree.Path = ()) -> None:
        self.file = file
        self.root = root
        self.base = base

    def under(self, *base: str | int) -> Places:
        """The same for paths that are relative to `base`."""
        return Places(self.file, self.root, base)

    def __call__(self, path: tree.Path, message: str, fix: str) -> Problem:
        path = (*self.base, *path)
        node, depth = self.root, 0
        while depth < len(path) and (child := node.at(path[depth])) is not None:
            node, depth = child, depth + 1
        prefix = ("stages", node.stage) if node.stage else ()
        return Problem(self.file, node.line, node.column, dotted((*prefix, *path)), message, fix)


def _idle_nulls(overlay: Node, base: Node | None, path: tree.Path) -> Iterator[tuple[tree.Path, Node]]:
    """Nulls in an overlay over keys that the base does not have. A whole section may be left empty."""
    for key, child in overlay.map_at().items():
        before = base.at(key) if base is not None else None
        if child.value is not None:
            yield from _idle_nulls(child, before, (*path, key))
        elif before is None and (path or key not in ModelSpec.model_fields):
            yield (*path, key), child


def _first(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)[:MOST]


@cache
def _model_schema() -> Schema:
    return base_schema()
