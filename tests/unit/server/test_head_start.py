"""The engine that is opened ahead: there when it can be, and silent when it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.engines import EngineError
from mldeploy.handlers.server.head_start import HeadStart
from mldeploy.handlers.server.loader import Loader

DOUBLING = helper.make_graph(
    [helper.make_node("Add", ["x", "x"], ["y"])],
    "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
)


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[..., Path]:
    """A bundle that doubles its input; `changes` go into bundle.json."""

    def make(**changes: Any) -> Path:
        model = helper.make_model(DOUBLING, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / "model.onnx")
        document = {
            "schema": 1,
            "name": "double",
            "fingerprint": "0" * 64,
            "format": "onnx",
            "entry": "model.onnx",
            "hook": "",
            "inputs": [{"name": "x", "dtype": "FP32", "shape": [-1, 2]}],
            "outputs": [{"name": "y", "dtype": "FP32", "shape": [-1, 2]}],
            "preprocess": None,
            "top_k": None,
            "labels": [],
            **changes,
        }
        (tmp_path / "bundle.json").write_text(json.dumps(document))
        return tmp_path

    return make


def opened(folder: Path, config: ServingConfig) -> Any:
    ahead = HeadStart(str(folder), config)
    ahead.begin()
    return ahead


def test_the_lean_engine_is_opened_and_served(bundle: Callable[..., Path]) -> None:
    folder = bundle()
    ahead = opened(folder, ServingConfig())
    loader = Loader(str(folder), ServingConfig(), ahead.engine)
    loader.work()
    assert loader.error is None
    runtime = loader.created()
    assert runtime.is_ready
    assert runtime.engine_name == "lean"
    assert ahead.engine() is None  # it has been taken
    runtime.close()


@pytest.mark.parametrize(
    ("changes", "config"),
    [({}, ServingConfig(engine="stock")), ({"format": "python"}, ServingConfig()), ({"schema": 99}, ServingConfig())],
    ids=["another engine is wanted", "another format", "not a bundle"],
)
def test_what_the_lean_engine_does_not_serve_is_left_alone(
    bundle: Callable[..., Path], changes: dict[str, Any], config: ServingConfig
) -> None:
    assert opened(bundle(**changes), config).engine() is None


def test_a_model_that_cannot_be_opened_is_reported_by_the_ordinary_way(bundle: Callable[..., Path]) -> None:
    folder = bundle()
    (folder / "model.onnx").write_bytes(b"nothing")
    ahead = opened(folder, ServingConfig())
    assert ahead.engine() is None
    with pytest.raises(EngineError, match=r"model\.onnx"):
        Runtime(folder, ServingConfig()).load(ahead.engine())
