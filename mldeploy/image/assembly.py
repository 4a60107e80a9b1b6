"""What an image is made of, put together: Plan + Bundle ─▶ tag (without looking inside) ─▶ Contents (Dockerfile and trees).

The tag covers everything that decides a byte: the Dockerfile, the stage's script, our modules, the files, the locks, the user's
requirements, the base's reference, and the bundle by its fingerprint. So it is known before the bundle is packed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import DeployError, ProviderError
from mldeploy.image import dockerfile, needs, pins, sources
from mldeploy.image.context import Entry
from mldeploy.image.unpacking import unpack
from mldeploy.image.wheels import Target, fetch
from mldeploy.plan import Plan, Recipe
from mldeploy.progress import Step

FORMAT = 1  # raise it whenever the same inputs give another image
TAG_CHARS = 40
_COMPILER = Path(__file__).with_name(dockerfile.COMPILER)


@dataclass(frozen=True)
class Contents:
    """Everything that the builder is given, and what is worth naming when the image is too large: name -> bytes."""

    dockerfile: str
    entries: tuple[Entry, ...]
    sizes: dict[str, int]


def recipe_of(plan: Plan) -> Recipe:
    """The plan's recipe. Raises DeployError when nothing is to be built."""
    if plan.image is None:
        raise DeployError(f"{plan.provider} builds no image of this spec", "the plan says what it deploys: mldeploy preview")
    return plan.image


def tag(plan: Plan, bundle: Bundle) -> str:
    """40 hex digits that name the image of this plan and bundle. Pure: reads our own files, asks nobody.

    Raises SpecError when the user's requirements are not locked."""
    recipe = recipe_of(plan)
    groups = sorted({*recipe.requirements, *needs.SELECTABLE})
    document = {
        "format": FORMAT,
        "dockerfile": dockerfile.render(recipe, recipe.engine),
        "compiler": _sha256(_COMPILER.read_bytes()),
        "runtime": {entry.path: _sha256(_bytes(entry)) for entry in _runtime(recipe)},
        "packages": [pin.line for pin in merged(recipe, tuple(groups))],
        "bundle": bundle.fingerprint,
        "recipe": {name: value for name, value in asdict(recipe).items() if name not in _NOT_IN_IMAGE},
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return _sha256(text.encode("ascii"))[:TAG_CHARS]


_NOT_IN_IMAGE = ("probe", "max_mb", "user_requirements", "files")  # gates, or covered by another key


def merged(recipe: Recipe, groups: tuple[str, ...]) -> tuple[pins.Pin, ...]:
    """`pins.merged` for this recipe. Raises ProviderError for a group that has no lock."""
    try:
        return pins.merged(groups, recipe.user_requirements)
    except KeyError as error:
        raise ProviderError(
            f"there is no lock called {error.args[0]}", "the provider names groups of mldeploy/image/locks"
        ) from error


def assemble(recipe: Recipe, bundle: Bundle, step: Step) -> Contents:
    """The whole context of a packed bundle; fetches packages that are not at hand. Raises what `wheels.fetch` raises."""
    decided = needs.needs(recipe, bundle)
    chosen = merged(recipe, decided.groups)
    wheels = fetch(chosen, Target(recipe.python, recipe.architecture), step)
    step.update("putting the context together")
    text = dockerfile.render(recipe, decided.engine)
    entries = [Entry("Dockerfile", text.encode()), Entry(dockerfile.COMPILER, _COMPILER.read_bytes())]
    sizes: dict[str, int] = {}
    seen: set[str] = set()
    for pin, wheel in zip(chosen, wheels, strict=True):
        tree = dockerfile.USER_PACKAGES if pin.group == pins.USER else dockerfile.PACKAGES
        unpacked = [entry for entry in unpack(wheel, pin, tree + recipe.packages_dir) if entry.path not in seen]
        seen.update(entry.path for entry in unpacked)
        entries += unpacked
        sizes[f"{pin.name} {pin.version}"] = sum(entry.size_bytes for entry in unpacked)
    runtime = list(_runtime(recipe))
    model = list(_bundle(recipe, bundle))
    sizes |= {Path(entry.path).name: entry.size_bytes for entry in model}
    folders = [Entry(tree + recipe.packages_dir, None) for tree in dockerfile.stages(recipe)[:-3]]
    folders += [Entry(dockerfile.HOOK + recipe.bundle_dir, None)]
    return Contents(text, (*entries, *folders, *runtime, *model), sizes)


def _runtime(recipe: Recipe) -> Iterator[Entry]:
    """Our modules, and the recipe's own files at their places."""
    yield from sources.entries(recipe.modules, dockerfile.RUNTIME + recipe.app_dir)
    yield Entry(dockerfile.RUNTIME + recipe.workdir, None)
    for path, text in sorted(recipe.files.items()):
        yield Entry(dockerfile.RUNTIME + path, text.encode())


def _bundle(recipe: Recipe, bundle: Bundle) -> Iterator[Entry]:
    """The bundle's files: the user's code in the last layer, with bundle.json, which changes with it; the rest as the model."""
    files = sorted(path for path in bundle.root.iterdir() if path.is_file())
    has_code = any(path.suffix == ".py" for path in files)
    for path in files:
        is_last = path.suffix == ".py" or (has_code and path.name == "bundle.json")
        tree = dockerfile.HOOK if is_last else dockerfile.MODEL
        yield Entry(f"{tree}{recipe.bundle_dir}/{path.name}", path)


def _bytes(entry: Entry) -> bytes:
    content = entry.content
    return content.read_bytes() if isinstance(content, Path) else content or b""


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
