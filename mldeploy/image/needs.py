"""What a bundle needs in its image: the engine that serves it, and the groups of locked packages.

onnx      lean    ONNX Runtime's library alone; numpy only beside a hook
          stock   its Python package with numpy: by setting, or for tensors of strings
sklearn           scikit-learn and skops          python   numpy, and what the user's requirements name
images            Pillow besides
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import ModelError
from mldeploy.plan import Recipe

# Every group that a bundle may ask for: with the bundle's fingerprint they decide what it does ask for.
SELECTABLE = ("numpy", "onnxruntime", "onnxruntime-lean", "pillow", "sklearn")


@dataclass(frozen=True)
class Needs:
    """`engine` is "lean" or "stock" for an ONNX bundle, "auto" for the formats that have one engine only."""

    engine: str
    groups: tuple[str, ...]


def needs(recipe: Recipe, bundle: Bundle) -> Needs:
    """Look into a packed bundle. Raises ModelError when it is none."""
    try:
        document = json.loads((bundle.root / "bundle.json").read_bytes())
        has_hook = bool(document["hook"])
        has_images = (document["preprocess"] or {}).get("kind") == "image"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{bundle.root} is no packed bundle: {error}", "run the command again; it packs the model") from error
    engine = _engine(recipe, bundle)
    chosen = {*recipe.requirements}
    if bundle.format == "onnx":
        chosen.add("onnxruntime" if engine == "stock" else "onnxruntime-lean")
    if bundle.format == "sklearn":
        chosen.add("sklearn")
    if has_hook:
        chosen.add("numpy")
    if has_images:
        chosen.add("pillow")
    return Needs(engine, tuple(sorted(chosen)))


def _engine(recipe: Recipe, bundle: Bundle) -> str:
    if bundle.format != "onnx":
        return "auto"
    if recipe.engine != "auto":
        return recipe.engine
    has_strings = any(tensor.dtype == "BYTES" for tensor in (*bundle.inputs, *bundle.outputs))
    return "stock" if has_strings else "lean"
