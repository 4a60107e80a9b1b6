"""Written out: the image's context for `eject`, and the source folder for a platform that builds by itself.

    render          Dockerfile and everything that it copies; `docker build .` there gives the image
    render_source   main.py · requirements.txt (hashed) · mldeploy/ (runtime and entry point) · bundle/

A platform's source build installs whole packages with all that they ask for; the lean engine finds the library in one. A
provider that builds from source has its targets in `entry/functions.py`.
"""

from __future__ import annotations

from pathlib import Path

from mldeploy.bundle.contract import Bundle
from mldeploy.image import assembly, sources
from mldeploy.image.context import Entry, write_folder
from mldeploy.image.needs import needs
from mldeploy.plan import Plan, Recipe
from mldeploy.progress import SilentReporter
from mldeploy.state import state_error

PYTHON = "3.13"
_FRAMEWORK = ("functions-framework", "orjson")
_WHOLE = {"onnxruntime-lean": "onnxruntime-whole", "onnxruntime": "onnxruntime-whole"}


def render(plan: Plan, bundle: Bundle, folder: Path) -> tuple[Path, ...]:
    """Write the image's context into `folder`; the files written. Raises what `assembly.assemble` raises."""
    with SilentReporter().step("render") as step:
        contents = assembly.assemble(assembly.recipe_of(plan), bundle, step)
    return _written(folder, contents.entries)


def render_source(plan: Plan, bundle: Bundle, folder: Path) -> str:
    """Write the source of a functions deployment into the empty `folder`; returns it. The same plan and bundle give the same
    bytes. The user's own requirements are the text under "user_requirements" in the plan's program document."""
    entry = f"mldeploy.providers.{plan.provider}.entry"
    recipe = _recipe(plan, entry)
    groups = tuple(sorted({_WHOLE.get(name, name) for name in needs(recipe, bundle).groups}))
    lines = [pin.line for pin in assembly.merged(recipe, groups)]
    files = [
        Entry("main.py", _main(entry).encode()),
        Entry("requirements.txt", "".join(f"{line}\n" for line in lines).encode()),
        *_runtime(recipe),
        *(Entry(f"bundle/{path.name}", path) for path in sorted(bundle.root.iterdir()) if path.is_file()),
    ]
    _written(folder, files)
    return str(folder)


def _recipe(plan: Plan, entry: str) -> Recipe:
    """The part of a recipe that a source build has."""
    return Recipe(
        base="",
        architecture="x86_64",
        python=PYTHON,
        engine=plan.environment.get("MLDEPLOY_ENGINE", "auto"),
        requirements=_FRAMEWORK,
        modules=("mldeploy.handlers", entry),
        entrypoint=(),
        command=(),
        probe=(),
        user_requirements=str(plan.program.get("user_requirements", "")),
    )


def _runtime(recipe: Recipe) -> tuple[Entry, ...]:
    return tuple(Entry(entry.path.removeprefix("./"), entry.content) for entry in sources.entries(recipe.modules, "."))


def _main(entry: str) -> str:
    """The platform imports `main`; sub-modules of the entry point do the rest."""
    title = '"""What the platform imports: the targets of a functions deployment."""'
    return f"{title}\n\nfrom {entry}.functions import *  # noqa: F403\n"


def _written(folder: Path, entries: tuple[Entry, ...] | list[Entry]) -> tuple[Path, ...]:
    try:
        return write_folder(folder, entries)
    except OSError as error:
        raise state_error(folder, error) from error
