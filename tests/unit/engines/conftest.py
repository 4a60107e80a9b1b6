"""Bundles around models made in place, engines that are closed again, and the corpus that lean and stock must agree on."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx
import pytest

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import Engine, open_engine, watchdog
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import TensorSpec


def _load(name: str) -> ModuleType:
    """A module of this folder; pytest's importlib mode puts no folder on sys.path."""
    spec = importlib.util.spec_from_file_location(f"_engines_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


CORPUS = _load("corpus")


@pytest.fixture(scope="session")
def models() -> ModuleType:
    """The functions that build models."""
    return CORPUS


@pytest.fixture(params=sorted(CORPUS.CASES))
def case(request: pytest.FixtureRequest) -> Any:
    """A model of the corpus with rows of inputs."""
    return CORPUS.CASES[request.param]()


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[..., Manifest]:
    """bundle(model, …) -> the manifest of a new bundle folder that holds the model (an onnx model, bytes or a file)."""
    made = 0

    def make(
        model: onnx.ModelProto | bytes | Path | None = None,
        inputs: tuple[TensorSpec, ...] | None = None,
        outputs: tuple[TensorSpec, ...] | None = None,
        raw: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Manifest:
        nonlocal made
        made += 1
        root = tmp_path / f"bundle{made}"
        root.mkdir()
        proto = model if isinstance(model, onnx.ModelProto) else None
        if isinstance(model, Path):
            content, proto = model.read_bytes(), onnx.load(model)
        else:
            content = proto.SerializeToString() if proto else model or b""
        (root / "model.onnx").write_bytes(content)
        read_inputs, read_outputs = CORPUS.signature(proto) if proto else ((), ())
        manifest = Manifest(
            folder=str(root),
            name="m",
            fingerprint=f"{made:064x}",
            format="onnx",
            entry="model.onnx",
            hook="",
            inputs=read_inputs if inputs is None else inputs,
            outputs=read_outputs if outputs is None else outputs,
            preprocess=None,
            top_k=None,
            labels=(),
            raw=raw or {},
        )
        return manifest._replace(**changes)

    return make


@pytest.fixture
def traced_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have watchdogs start threads that coverage sees; it does not see bare ones."""

    def start(function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        threading.Thread(target=function, args=arguments, daemon=True).start()

    monkeypatch.setattr(watchdog, "start_new_thread", start)


@pytest.fixture
def opened() -> Iterator[Callable[..., Engine]]:
    """opened(manifest, **settings) -> an engine, closed after the test."""
    engines: list[Engine] = []

    def start(manifest: Manifest, **settings: Any) -> Engine:
        engines.append(open_engine(manifest, ServingConfig(**settings)))
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()
