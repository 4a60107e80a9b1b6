"""Bundles without a packer and an engine without a model, for everything that stands around them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mldeploy.handlers import engines
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.log import Log
from mldeploy.handlers.manifest import Manifest, read
from mldeploy.handlers.message import Request
from mldeploy.handlers.tensor import ITEM_SIZE_BYTES, Tensor, TensorSpec, element_count

Answer = Callable[[dict[str, Tensor]], dict[str, Tensor]]


class FakeEngine:
    """Answers zeros of every output, one row for each row of the first input; or what `answer` gives or raises."""

    name = "fake"
    fallback_reason = ""

    def __init__(self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.calls: list[tuple[dict[str, Tensor], float | None]] = []
        self.answer: Answer = self._zeros
        self.is_closed = False

    def _zeros(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        first = next(iter(inputs.values()))
        answers = {}
        for spec in self.outputs:
            shape = tuple(first.shape[0] if axis == -1 else axis for axis in spec.shape)
            answers[spec.name] = Tensor(spec.dtype, shape, bytes(element_count(shape) * ITEM_SIZE_BYTES[spec.dtype]))
        return answers

    def run(self, inputs: dict[str, Tensor], timeout_s: float | None = None) -> dict[str, Tensor]:
        self.calls.append((inputs, timeout_s))
        return self.answer(inputs)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def write_bundle(tmp_path: Path) -> Callable[..., Path]:
    """Write bundle.json: the digits signature, with what is given instead."""

    def write(**changes: Any) -> Path:
        doc = {
            "schema": 1,
            "name": "digits",
            "fingerprint": "ab" * 32,
            "format": "onnx",
            "entry": "model.onnx",
            "hook": "",
            "inputs": [{"name": "x", "dtype": "FP32", "shape": [-1, 4]}],
            "outputs": [{"name": "y", "dtype": "FP32", "shape": [-1, 2]}],
            "preprocess": None,
            "top_k": None,
            "labels": [],
            **changes,
        }
        (tmp_path / "bundle.json").write_text(json.dumps(doc))
        return tmp_path

    return write


@pytest.fixture
def make_manifest(write_bundle: Callable[..., Path]) -> Callable[..., Manifest]:
    """A manifest, as `write_bundle`."""
    return lambda **changes: read(write_bundle(**changes))


class Harness:
    """A loaded runtime over a fake engine, with its log in a file."""

    def __init__(self, runtime: Runtime, engine: FakeEngine, log_file: Path) -> None:
        self.runtime = runtime
        self.engine = engine
        self._log_file = log_file

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        return [json.loads(line) for line in self._log_file.read_text().splitlines()]

    def send(
        self, method: str, path: str, body: bytes = b"", request_id: str = "", received_s: float = 0.0, **headers: str
    ) -> Any:
        """The response to a request; header names have _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.runtime.handle(Request(method, path, "", named, body, request_id, received_s))

    def predict(self, inputs: Any, **headers: str) -> Any:
        """POST /predict of a JSON body."""
        return self.send(
            "POST", "/predict", json.dumps({"inputs": inputs}).encode(), content_type="application/json", **headers
        )


@pytest.fixture
def make_runtime(
    write_bundle: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[..., Harness]]:
    """A harness around a bundle (changes as `write_bundle`) and a config."""
    files = []

    def make(config: ServingConfig | None = None, *, is_loaded: bool = True, **changes: Any) -> Harness:
        folder = write_bundle(**changes)
        manifest = read(folder)
        engine = FakeEngine(manifest.inputs, manifest.outputs)
        monkeypatch.setattr(engines, "open_engine", lambda manifest, config: engine)
        log_file = tmp_path / "log"
        file = log_file.open("wb")
        files.append(file)
        runtime = Runtime(folder, config or ServingConfig(), Log({"model": "digits", "stage": "dev"}, file.fileno()))
        if is_loaded:
            runtime.load()
        return Harness(runtime, engine, log_file)

    yield make
    for file in files:
        file.close()
