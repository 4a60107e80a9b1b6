"""The user's preprocess and postprocess functions around a model: arrays for them, tensors for the engine. Imports numpy.

A preprocess hook may refuse an input (see `predict.refusal`). Anything else that it raises, and whatever a postprocess hook
raises, is a failure of the hook (model-failed), and only the log says which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mldeploy.handlers import codec_json, hooks, predict
from mldeploy.handlers.engines import EngineError
from mldeploy.handlers.engines.arrays import conform, to_array
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import Tensor


def preprocess(manifest: Manifest, function: Callable[[Any], dict[str, Any]], value: Any) -> dict[str, Tensor]:
    """What the hook makes of a request, as the model's inputs. Raises Problem (refused) or EngineError (the hook failed)."""
    try:
        arrays = hooks.call(manifest.root / manifest.hook, function, value)
    except EngineError as error:
        refusal = predict.refusal(error)
        if refusal is None:
            raise
        raise refusal from error
    names = [spec.name for spec in manifest.inputs]
    if not isinstance(arrays, dict) or sorted(arrays, key=str) != sorted(names):
        found = sorted(map(str, arrays)) if isinstance(arrays, dict) else type(arrays).__name__
        raise EngineError(f"{manifest.hook}: preprocess returned {found}; expected a dict with {', '.join(names)}")
    try:
        return {spec.name: conform(arrays[spec.name], spec) for spec in manifest.inputs}
    except EngineError as error:
        raise EngineError(f"{manifest.hook}: preprocess: {error}") from error


def postprocess(manifest: Manifest, function: Callable[[dict[str, Any]], Any], outputs: dict[str, Tensor]) -> bytes:
    """The answer's body, with what the hook made of the outputs under "outputs". Raises EngineError."""
    arrays = {name: to_array(tensor, is_writable=True) for name, tensor in outputs.items()}
    result = hooks.call(manifest.root / manifest.hook, function, arrays)
    try:
        return codec_json.dumps({"model": manifest.name, "outputs": result}, default=_plain)
    except TypeError as error:
        raise EngineError(f"{manifest.hook}: postprocess returned what JSON cannot hold: {error}") from error


def _plain(value: Any) -> Any:
    """numpy's arrays and scalars, and any other sequence, as lists and numbers."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(f"{type(value).__name__} is not JSON")
