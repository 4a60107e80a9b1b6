"""Building: Contents ─▶ context tar ─▶ engine ─▶ normalised image, with progress, and the failing step's last lines.

An image that the engine already has under its tag is not built again. The gates look at it either way (their rules, the smoke
requests and the memory limit, may have changed). A build that is interrupted leaves no name behind; the next one goes on from
the builder's cache.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import deque
from collections.abc import Iterable
from typing import Any

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import DeployError, MldeployError
from mldeploy.image import assembly, gates
from mldeploy.image.context import write_tar
from mldeploy.image.contract import BuiltImage
from mldeploy.image.engine import Engine, refusal
from mldeploy.image.normalise import normalise
from mldeploy.image.wheels import cache_dir
from mldeploy.plan import Plan, Recipe
from mldeploy.progress import Reporter, Step
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.state import make_folder, state_error

SHOWN_LINES = 20
MB = 1_000_000
_STEP = re.compile(r"^Step (\d+)/(\d+) : (.*)")


def build(
    engine: Engine, plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter, *, is_fresh: bool = False
) -> BuiltImage:
    """The gated image of this plan in the engine. `is_fresh` builds it anew, cache and all."""
    recipe, tag = assembly.recipe_of(plan), assembly.tag(plan, bundle)
    name = f"{local_name(plan)}:{tag}"
    with report.step("image", "looking") as step:
        is_cached = not is_fresh and _is_there(engine, name, recipe.base)
        if not is_cached:
            contents = assembly.assemble(recipe, bundle, step)
            working = f"{name}-{os.getpid()}"  # of this process alone: two may build one model at once
            try:
                _send(engine, recipe, contents, working, step, is_fresh=is_fresh)
                normalise(engine, working, name, recipe.base)
            finally:
                engine.untag(working)
        built = _measured(engine, recipe, local_name(plan), tag, is_cached=is_cached)
        gates.check(engine, recipe, name, lambda: assembly.assemble(recipe, bundle, step).sizes)
        step.done(_summary(built))
    gates.ask(engine, plan, recipe, name, loaded, report)
    return built


def local_name(plan: Plan) -> str:
    """What the engine on this machine calls the images of this model, without a tag."""
    return f"mldeploy/{plan.name}"


def _is_there(engine: Engine, name: str, base: str) -> bool:
    """Whether the engine has the image, on the base that it has now (a base's tag may have moved)."""
    found, below = engine.inspect(name), engine.inspect(base)
    if found is None:
        return False
    layers = below["RootFS"]["Layers"] if below else []
    return bool(found["RootFS"]["Layers"][: len(layers)] == layers)


def _send(engine: Engine, recipe: Recipe, contents: assembly.Contents, name: str, step: Step, *, is_fresh: bool) -> None:
    try:
        with tempfile.TemporaryFile(dir=make_folder(cache_dir())) as context:
            write_tar(context, contents.entries)
            context.seek(0)
            follow(engine.build(context, recipe.architecture, name, is_fresh=is_fresh), step)
    except OSError as error:
        raise state_error(cache_dir(), error) from error


def follow(messages: Iterable[dict[str, Any]], step: Step) -> None:
    """Show what the builder does. Raises DeployError or GateError with the step that failed and its last lines."""
    current, lines = "", deque[str](maxlen=SHOWN_LINES)
    for message in messages:
        if "error" in message:
            raise failed(current, lines, str(message["error"]))
        for line in str(message.get("stream", "")).splitlines():
            match = _STEP.match(line)
            if match:
                current = f"step {match[1]} of {match[2]}: {match[3]}"
                lines.clear()
                step.update(current if len(current) <= 90 else f"{current[:89]}…")
            elif line.strip():
                lines.append(line.rstrip())
        if "status" in message and message.get("id"):
            step.update(f"base image: {message['status']} {message.get('progress', '')}".rstrip())


def failed(current: str, lines: Iterable[str], words: str) -> MldeployError:
    """The error of a failed build: which step, what it said last, and the cause where the words are known."""
    shown = "".join(f"\n    {line}" for line in lines)
    known = refusal(words, f"the image's {current}" if current else "the image cannot be built")
    return type(known)(f"{known.message}{shown}", known.hint)


def _measured(engine: Engine, recipe: Recipe, name: str, tag: str, *, is_cached: bool) -> BuiltImage:
    found, base = engine.inspect(f"{name}:{tag}"), engine.inspect(recipe.base)
    if found is None:
        raise DeployError(f"{name}:{tag} is gone from the engine", "somebody removed it meanwhile: run again")
    size = int(found["Size"])
    return BuiltImage(name, tag, str(found["Id"]), size, size - int(base["Size"]) if base else size, is_cached)


def _summary(built: BuiltImage) -> str:
    facts = [built.tag[:12], f"{built.size_bytes / MB:.0f} MB", f"{built.added_bytes / MB:.0f} MB over the base"]
    return " · ".join([*facts, "unchanged"] if built.is_cached else facts)
