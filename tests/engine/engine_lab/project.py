"""The model that is deployed: y = 2x, small enough that a container starts at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SMOKE = [{"inputs": [[1.5, 2.0]], "expect": {"outputs": {"y": [[3.0, 4.0]]}}}]


def write_model(folder: Path, factor: float = 2.0) -> None:
    """double.onnx"""
    from onnx import TensorProto, helper, save

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])
    by = helper.make_tensor("by", TensorProto.FLOAT, [1], [factor])
    graph = helper.make_graph([helper.make_node("Mul", ["x", "by"], ["y"])], "double", [x], [y], [by])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "double.onnx")


def spec(clouds: dict[str, Any], access: str) -> dict[str, Any]:
    """What every cloud is given."""
    return {
        "version": 1,
        "name": "doubler",
        "model": {"path": "double.onnx"},
        "access": access,
        "smoke": SMOKE,
        "resources": {"memory_mb": 1024, "max_instances": 3},
        "clouds": clouds,
        "tags": {"team": "tests"},
    }
