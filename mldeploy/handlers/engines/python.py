"""The python engine: the user's own `load` and `predict`, with numpy arrays in and out.

The signature is what the spec declares; inputs are checked before the hook sees them and outputs before anyone else does.
A hook cannot be stopped from outside, so `timeout_s` is left to the server.
"""

from __future__ import annotations

from typing import Any

from mldeploy.handlers import hooks
from mldeploy.handlers.engines import EngineError, arrays
from mldeploy.handlers.engines.signature import admit
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import Tensor


def open_python(manifest: Manifest) -> PythonEngine:
    """Import the hook and let it load its model from the bundle folder. Raises EngineError."""
    arrays.check_dtypes(manifest.inputs + manifest.outputs)
    found = hooks.load_hooks(manifest)
    if found.predict is None:
        raise EngineError(f"{manifest.hook or 'the bundle'} defines no function predict(model, inputs)")
    path = manifest.root / manifest.hook
    model = hooks.call(path, found.load, manifest.root) if found.load else None
    return PythonEngine(manifest, found.predict, model)


class PythonEngine:
    """A loaded hook. `predict` is called from several threads at once."""

    name = "python"
    fallback_reason = ""

    def __init__(self, manifest: Manifest, predict: Any, model: Any) -> None:
        self.inputs = manifest.inputs
        self.outputs = manifest.outputs
        self._path = manifest.root / manifest.hook
        self._predict = predict
        self._model = model

    def run(self, inputs: dict[str, Tensor], timeout_s: float | None = None) -> dict[str, Tensor]:
        predict = self._predict
        if predict is None:
            raise EngineError("the engine is closed")
        given = {name: arrays.to_array(tensor, is_writable=True) for name, tensor in admit(self.inputs, inputs).items()}
        result = hooks.call(self._path, predict, self._model, given)
        if not isinstance(result, dict):
            if len(self.outputs) != 1:
                raise EngineError(f"predict returned a {type(result).__name__}; with several outputs it must return a dict")
            result = {self.outputs[0].name: result}
        if result.keys() != {spec.name for spec in self.outputs}:
            declared = [spec.name for spec in self.outputs]
            raise EngineError(f"predict returned {[str(name) for name in result]}; the declared outputs are {declared}")
        return {spec.name: arrays.conform(result[spec.name], spec) for spec in self.outputs}

    def close(self) -> None:
        self._predict = self._model = None
