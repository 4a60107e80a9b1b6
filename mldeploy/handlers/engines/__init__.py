"""Inference engines: load a bundle's model once, run it on named tensors.

open_engine(manifest, config) ─▶ Engine        lean (C API, no numpy) ▸ stock (onnxruntime binding) ▸ sklearn ▸ python hook
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mldeploy.handlers.config import ServingConfig
    from mldeploy.handlers.manifest import Manifest
    from mldeploy.handlers.tensor import Tensor, TensorSpec


class Engine(Protocol):
    """A loaded model. `run` may be called from several threads at once.

    `name` is "lean", "stock", "sklearn" or "python". `run` takes every declared input, already checked against `inputs`,
    and returns every declared output. Past `timeout_s` (None: no limit) it raises EngineTimeout if it can stop the run.
    `fallback_reason` says why a simpler engine than the preferred one is in use; empty when it is the preferred one.
    `close` lets the runs end that are on their way; later ones raise EngineError.
    """

    name: str
    fallback_reason: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, inputs: dict[str, Tensor], timeout_s: float | None = None) -> dict[str, Tensor]: ...

    def close(self) -> None: ...


class EngineError(Exception):
    """The engine could not load or run the model. The message is for the log, never for the caller of an endpoint."""


class EngineInputError(EngineError):
    """The engine refused an input: `field` names it, the message says what was expected. Safe to show to the caller."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class EngineTimeout(EngineError):
    """The run was stopped because its time was up."""


def open_engine(manifest: Manifest, config: ServingConfig) -> Engine:
    """Load the bundle's model with the engine for its format, once. Raises EngineError. It imports that engine only."""
    openers = {"onnx": _open_onnx, "sklearn": _open_sklearn, "python": _open_python}
    if manifest.format not in openers:
        raise EngineError(f"bundle.json: format is {manifest.format!r}; this runtime knows {', '.join(openers)}")
    try:
        return openers[manifest.format](manifest, config)
    except ImportError as error:
        raise EngineError(f"a bundle of format {manifest.format} needs what cannot be imported here: {error}") from error


def _open_onnx(manifest: Manifest, config: ServingConfig) -> Engine:
    reason = ""
    if config.engine != "stock":
        from mldeploy.handlers.engines.lean import open_lean
        from mldeploy.handlers.engines.ort_api import LeanUnavailable

        try:
            return open_lean(manifest, config)
        except LeanUnavailable as error:
            if config.engine == "lean":
                raise EngineError(f"MLDEPLOY_ENGINE=lean, but {error}; use auto or stock") from error
            reason = str(error)
    from mldeploy.handlers.engines.stock import open_stock

    return open_stock(manifest, config, reason)


def _open_sklearn(manifest: Manifest, config: ServingConfig) -> Engine:
    from mldeploy.handlers.engines.sklearn import open_sklearn

    return open_sklearn(manifest)


def _open_python(manifest: Manifest, config: ServingConfig) -> Engine:
    from mldeploy.handlers.engines.python import open_python

    return open_python(manifest)
