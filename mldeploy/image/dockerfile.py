"""The Dockerfile, as text. Pure. Both builders take it: no frontend is fetched, nothing is mounted, no step needs a network.

    base ─▶ packages ─▶ the user's packages ─▶ runtime ─▶ model ─▶ hook          each one layer, what changes least first

Every tree of the context is copied onto "/", so that its folders come from the context with their fixed times. Modules are
compiled in stages from the same base; the image itself runs nothing while it is built.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from mldeploy.plan import Recipe

PACKAGES, USER_PACKAGES, RUNTIME, MODEL, HOOK = "packages", "user-packages", "runtime", "model", "hook"
COMPILER = "compile_tree.py"
_REPEATABLE = {"PYTHONHASHSEED": "0"}


def stages(recipe: Recipe) -> tuple[str, ...]:
    """The trees of the context, in the order of their layers."""
    own = (USER_PACKAGES,) if recipe.user_requirements.strip() else ()
    return (PACKAGES, *own, RUNTIME, MODEL, HOOK)


def render(recipe: Recipe, engine: str) -> str:
    """The Dockerfile of a recipe. `engine` is what `needs` decided."""
    lines = ["# Made by mldeploy. Everything it copies lies beside it: the build needs no network."]
    trees = stages(recipe)
    for tree in trees:
        if tree != MODEL:
            lines += ["", *_compiling(recipe.base, tree)]
    lines += ["", f"FROM {recipe.base}"]
    for tree in trees:
        source = f"{tree}/" if tree == MODEL else f"--from={tree} /tree/"
        lines.append(f"COPY --chown=0:0 {source} /")
    lines += [*_pairs("LABEL", recipe.labels), *_pairs("ENV", environment(recipe, engine))]
    lines.append(f"WORKDIR {recipe.workdir}")
    lines.append(f"USER {recipe.user}")
    if recipe.port is not None:
        lines.append(f"EXPOSE {recipe.port}")
    if recipe.entrypoint:
        lines.append(f"ENTRYPOINT {json.dumps(recipe.entrypoint)}")
    if recipe.command:
        lines.append(f"CMD {json.dumps(recipe.command)}")
    return "\n".join(lines) + "\n"


def environment(recipe: Recipe, engine: str) -> dict[str, str]:
    """What every container of the image has; the recipe's own words win."""
    ours = {
        "HOME": "/tmp",  # noqa: S108 - the one folder that may be written when the root is read-only
        "TMPDIR": "/tmp",  # noqa: S108
        "PYTHONPATH": ":".join(dict.fromkeys((recipe.app_dir, recipe.packages_dir))),
        "PYTHONUNBUFFERED": "1",
        "MLDEPLOY_BUNDLE": recipe.bundle_dir,
        "MLDEPLOY_ENGINE": engine,
    }
    return {**ours, **recipe.environment}


def _compiling(base: str, tree: str) -> list[str]:
    return [
        f"FROM {base} AS {tree}",
        "USER 0:0",
        *_pairs("ENV", _REPEATABLE),
        f"COPY --chown=0:0 {COMPILER} /",
        f"COPY --chown=0:0 {tree}/ /tree/",
        f'RUN ["python3", "-I", "/{COMPILER}", "/tree"]',
    ]


def _pairs(instruction: str, values: Mapping[str, str]) -> list[str]:
    """One instruction for all values; none when there are none. "$" is escaped, as the builder would expand it."""
    if not values:
        return []
    pairs = [f"{key}={_quoted(value)}" for key, value in sorted(values.items())]
    return [f"{instruction} " + " \\\n    ".join(pairs)]


def _quoted(value: str) -> str:
    if "\n" in value or "\r" in value:
        raise ValueError(f"a value of an image has a line break: {value!r}")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'
