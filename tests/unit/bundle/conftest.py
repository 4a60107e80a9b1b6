"""Small real models, and specs around them. The names of the fixtures are verbs where they return a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mldeploy import bundle
from mldeploy.bundle.contract import Bundle
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import ModelSpec

ELEMENT = {"FP32": TensorProto.FLOAT, "FP16": TensorProto.FLOAT16, "FP64": TensorProto.DOUBLE, "UINT8": TensorProto.UINT8}


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., LoadedSpec]:
    """load(path="model.onnx", ...) -> a LoadedSpec whose files lie in tmp_path."""

    def make(name: str = "demo", **model: Any) -> LoadedSpec:
        spec = ModelSpec.model_validate({"version": 1, "name": name, "model": model})
        return LoadedSpec(spec, str(tmp_path / "mldeploy.yaml"), tmp_path, "dev", {})

    return make


@pytest.fixture
def pack(load: Callable[..., LoadedSpec], tmp_path: Path) -> Callable[..., Bundle]:
    """pack(path="model.onnx", ...) -> the Bundle, in tmp_path/store."""
    return lambda **model: bundle.pack(load(**model), tmp_path / "store")


@pytest.fixture
def linear(tmp_path: Path) -> Callable[..., onnx.ModelProto]:
    """linear(features, classes) -> x [N,features] @ w -> scores [N,classes], written to tmp_path/model.onnx."""

    def make(
        features: int = 4,
        classes: int = 6,
        *,
        opset: int = 17,
        dtype: str = "FP32",
        output: str = "scores",
        batch: int | str = "N",
        file: str = "model.onnx",
        scale: float = 1.0,
    ) -> onnx.ModelProto:
        weights = np.random.default_rng(7).standard_normal((features, classes)) * scale
        array = weights.astype({"FP32": np.float32, "FP16": np.float16, "FP64": np.float64}[dtype])
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], [output], name="product")],
            "linear",
            [helper.make_tensor_value_info("x", ELEMENT[dtype], [batch, features])],
            [helper.make_tensor_value_info(output, ELEMENT[dtype], [batch, classes])],
            [numpy_helper.from_array(array, "w")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        (tmp_path / file).write_bytes(model.SerializeToString())
        return model

    return make


@pytest.fixture
def network(tmp_path: Path) -> Callable[..., onnx.ModelProto]:
    """network(layout, ...) -> a small convolutional image classifier, written to tmp_path/model.onnx."""

    def make(
        layout: str = "NCHW",
        *,
        channels: int = 3,
        side: int = 16,
        dtype: str = "FP32",
        batch: int | str = "N",
        opset: int = 17,
        classes: int = 5,
    ) -> onnx.ModelProto:
        generator = np.random.default_rng(3)
        weights = {
            "k": generator.standard_normal((8, channels, 3, 3)) * 0.3,
            "b": generator.standard_normal(8),
            "w": generator.standard_normal((8, classes)),
        }
        arrays = {name: value.astype(np.float16 if dtype == "FP16" else np.float32) for name, value in weights.items()}
        shape = [batch, channels, side, side] if layout == "NCHW" else [batch, side, side, channels]
        compute = ELEMENT["FP32" if dtype == "UINT8" else dtype]
        nodes, tensor = [], "image"
        if dtype == "UINT8":
            nodes.append(helper.make_node("Cast", [tensor], ["as_float"], to=TensorProto.FLOAT))
            tensor = "as_float"
        if layout == "NHWC":
            nodes.append(helper.make_node("Transpose", [tensor], ["turned"], perm=[0, 3, 1, 2]))
            tensor = "turned"
        nodes += [
            helper.make_node("Conv", [tensor, "k", "b"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("GlobalAveragePool", ["r"], ["p"]),
            helper.make_node("Flatten", ["p"], ["f"], axis=1),
            helper.make_node("MatMul", ["f", "w"], ["logits"]),
        ]
        graph = helper.make_graph(
            nodes,
            "network",
            [helper.make_tensor_value_info("image", ELEMENT[dtype], shape)],
            [helper.make_tensor_value_info("logits", compute, [batch, classes])],
            [numpy_helper.from_array(array, name) for name, array in arrays.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
        return model

    return make


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., onnx.ModelProto]:
    """save(nodes, inputs, outputs, ...) -> a hand-made model, written to tmp_path/model.onnx."""

    def make(
        nodes: list[Any],
        inputs: list[Any],
        outputs: list[Any],
        initializers: dict[str, np.ndarray] | None = None,
        *,
        opset: int = 17,
        ir: int = 8,
        domains: dict[str, int] | None = None,
        functions: list[Any] | None = None,
    ) -> Any:
        graph = helper.make_graph(
            nodes, "hand", inputs, outputs, [numpy_helper.from_array(a, n) for n, a in (initializers or {}).items()]
        )
        imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, v) for d, v in (domains or {}).items())]
        model = helper.make_model(graph, opset_imports=imports, ir_version=ir, functions=functions or [])
        (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
        return model

    return make


@pytest.fixture
def run() -> Callable[..., dict[str, np.ndarray]]:
    """run(bundle or model, **inputs) -> outputs by name, in ONNX Runtime."""
    import onnxruntime

    def call(target: Any, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        source = str(target.root / "model.onnx") if isinstance(target, Bundle) else target.SerializeToString()
        session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
        return dict(zip([node.name for node in session.get_outputs()], session.run(None, inputs), strict=True))

    return call
