"""Inference engines: load a bundle's model once, run it on named tensors.

    open_engine(manifest, config) ─▶ Engine        lean (C API, no numpy) ▸ stock (onnxruntime binding) ▸ sklearn ▸ python hook
"""

from __future__ import annotations

from typing import Protocol

from mldeploy.handlers.tensor import Tensor, TensorSpec


class Engine(Protocol):
    """A loaded model. `run` may be called from several threads at once.

    `name` is "lean", "stock", "sklearn" or "python". `run` takes every declared input, already checked against `inputs`,
    and returns every declared output. Past `timeout_s` (None: no limit) it raises EngineTimeout if it can stop the run.
    """

    name: str
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
