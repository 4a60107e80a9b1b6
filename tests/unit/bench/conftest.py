"""A real bundle, small enough to write by hand: y = x + 1 on rows of two numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    import onnx
    from onnx import TensorProto, helper

    folder = tmp_path / "bundle"
    folder.mkdir()
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "one"], ["y"])],
        "plus-one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, str(folder / "model.onnx"))
    document = {
        "schema": 1,
        "name": "plus-one",
        "fingerprint": "0" * 64,
        "format": "onnx",
        "entry": "model.onnx",
        "hook": "",
        "inputs": [{"name": "x", "dtype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "y", "dtype": "FP32", "shape": [-1, 2]}],
        "preprocess": None,
        "top_k": None,
        "labels": [],
    }
    (folder / "bundle.json").write_text(json.dumps(document))
    return folder
