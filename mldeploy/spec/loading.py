"""load(): a YAML file -> a LoadedSpec, or a SpecError with every problem at once.

    bytes ─yaml_reader─▶ Node ─merge stage─▶ Node ─pydantic + rules─▶ ModelSpec
                          └── "dev" and every declared stage are checked, whichever is asked for; each problem is told once

It reads the spec and looks whether the files that it names exist; no network, no cloud SDK.
"""

from __future__ import annotations

import stat as file_kinds
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mldeploy.errors import Problem, SpecError, closest
from mldeploy.spec import yaml_reader
from mldeploy.spec.checking import FIXED_IN_STAGES, MAX_STAGES, Check, SettingsModels
from mldeploy.spec.loaded import LoadedSpec, Mark
from mldeploy.spec.merge import merge, staged
from mldeploy.spec.model import ModelSpec
from mldeploy.spec.node import Node, dotted

FILE_NAME = "mldeploy.yaml"
DEFAULT_STAGE = "dev"
MAX_BYTES = 1_048_576
MAX_PROBLEMS = 100
_STARTER = "mldeploy init --model MODEL_FILE writes one"
_REQUIRED = ("version", "name", "model")


def find(start: Path) -> Path:
    """The nearest mldeploy.yaml in `start` or a folder above it. Raises SpecError when there is none."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    other = next((name for name in ("mldeploy.yml", "mldeploy.json") if (start / name).is_file()), None)
    hint = f"rename {other} to {FILE_NAME}, or name it with -f" if other else f"{_STARTER}; or name a spec with -f"
    raise SpecError(f"no {FILE_NAME} in {start} or any folder above it", hint)


def load(path: Path, stage: str | None = None, *, settings_models: SettingsModels | None = None) -> LoadedSpec:
    """The spec at `path` with `stage` (None: "dev") applied. Raises SpecError with all problems, also in other stages.

    `settings_models` validates the blocks under `clouds:`; without it they are taken as they are.
    """
    name = _shown(path)
    text = _read(path, name)
    root, problems = yaml_reader.read(text, name)
    if root is None or not isinstance(root.value, dict):
        raise _invalid(problems or [_not_a_map(root, name)])
    check = Check(name, path.absolute().parent, settings_models)
    root = replace(root, value=_sections(root.value))
    problems += check.overlays(root)
    merged = {each: _staged(root, each) for each in (DEFAULT_STAGE, *islice(root.map_at("stages"), MAX_STAGES))}
    specs: dict[str, ModelSpec | None] = {}
    for each, whole in merged.items():
        specs[each], found = check.whole(whole)
        problems += _of_stage(each, found, problems)
    if problems:
        raise _invalid(problems)
    chosen = stage or DEFAULT_STAGE
    spec = specs.get(chosen)
    if spec is None:
        raise _unknown_stage(chosen, list(merged), name)
    marks = {dotted(at): Mark(node.line, node.column, node.stage) for at, node in merged[chosen].walk()}
    return LoadedSpec(spec, name, check.folder, chosen, marks, tuple(_sorted(check.warnings(merged[chosen]))))


def _shown(path: Path) -> str:
    """How messages call the file: relative to the current folder when it lies in it."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _read(path: Path, name: str) -> str:
    """The file's text. Its size is looked at before it is read. Raises SpecError."""
    try:
        facts = path.stat()
        if file_kinds.S_ISDIR(facts.st_mode):
            inside = path / FILE_NAME
            raise SpecError(f"{name} is a folder", f"-f {inside}" if inside.is_file() else f"name the spec in it; {_STARTER}")
        if not file_kinds.S_ISREG(facts.st_mode):
            raise SpecError(f"{name} is not a regular file", "write the spec to a file")
        if facts.st_size > MAX_BYTES:
            raise _invalid(
                [
                    Problem(
                        name,
                        1,
                        1,
                        "",
                        f"is {facts.st_size} bytes; a spec has at most {MAX_BYTES} (1 MiB)",
                        "put labels and request data into files of their own and name them here",
                    )
                ]
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise SpecError(
            f"{name}: no such file", f"{_STARTER}; without -f the spec is searched for in this folder and above"
        ) from None
    except (OSError, ValueError) as error:
        raise SpecError(f"{name}: {getattr(error, 'strerror', None) or error}", "name a readable spec with -f") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = yaml_reader.place(data[: error.start].decode("utf-8-sig"), len(data[: error.start].decode("utf-8-sig")))
        raise _invalid(
            [
                Problem(
                    name,
                    line,
                    column,
                    "",
                    f"is not UTF-8 text (byte 0x{data[error.start]:02x} at {error.start})",
                    "save it as UTF-8; a model file goes into model.path",
                )
            ]
        ) from error


def _not_a_map(root: Node | None, name: str) -> Problem:
    if root is None or root.value is None:
        return Problem(name, 1, 1, "", "is empty", f"a spec has at least version, name and model; {_STARTER}")
    what = "a list" if isinstance(root.value, list) else "a single value"
    return Problem(
        name, root.line, root.column, "", f"is {what}, not a map", "a spec is `key: value` lines: version, name, model, …"
    )


def _sections(written: dict[str, Node]) -> dict[str, Node]:
    """Without the sections that are written but empty (`env:`); an empty stage or cloud block is an empty map."""
    kept = {key: node for key, node in written.items() if node.value is not None or key in _REQUIRED}
    for key in ("stages", "clouds"):
        section = kept.get(key)
        if section is not None and isinstance(section.value, dict):
            blocks = {name: replace(node, value={}) if node.value is None else node for name, node in section.value.items()}
            kept[key] = replace(section, value=blocks)
    return kept


def _staged(root: Node, stage: str) -> Node:
    """The document with one stage's overlay applied (without what an overlay may not change)."""
    overlay = root.at("stages", stage)
    if overlay is None or not isinstance(overlay.value, dict):
        return root
    changes = {key: node for key, node in overlay.value.items() if key not in FIXED_IN_STAGES}
    return merge(root, staged(replace(overlay, value=changes), stage))


def _of_stage(stage: str, found: list[Problem], told: list[Problem]) -> Iterator[Problem]:
    """What `found` adds to `told`. A fault that a stage brings about in a line of the base names the stage."""
    known = set(told)
    for problem in found:
        if problem not in known:
            is_elsewhere = stage != DEFAULT_STAGE and not problem.path.startswith("stages.")
            yield replace(problem, message=f"{problem.message} (in stage {stage})") if is_elsewhere else problem


def _unknown_stage(stage: str, known: list[str], file: str) -> SpecError:
    meant = closest(stage, known)
    hint = f"did you mean '{meant}'?" if meant else f"declare it: stages: {{{stage}: {{}}}}"
    return SpecError(f"{file} has no stage '{stage}'; its stages are {', '.join(known)}", hint)


def _sorted(problems: Iterator[Problem] | list[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda each: (each.line, each.column, each.path, each.message))


def _invalid(problems: list[Problem]) -> SpecError:
    """All problems once, in file order; beyond MAX_PROBLEMS only their number."""
    found = _sorted(problems)
    count = f"{len(found)} problem{'' if len(found) == 1 else 's'}. Nothing was built or deployed."
    if len(found) > MAX_PROBLEMS:
        last = found[MAX_PROBLEMS - 1]
        more = Problem(
            last.file,
            last.line,
            last.column,
            "",
            f"and at least {len(found) - MAX_PROBLEMS} more problems",
            "mend these first",
        )
        found = [*found[:MAX_PROBLEMS], more]
    return SpecError(count, problems=tuple(found))
