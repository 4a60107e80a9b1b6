"""Damaged and arbitrary files: packed, or refused with a message; nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from mldeploy import bundle
from mldeploy.bundle.sniff import sniff
from mldeploy.errors import MldeployError
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import ModelSpec


def whole() -> bytes:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])
    weights = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Softmax", ["h"], ["y"])]
    graph = helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(weights, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


WHOLE = whole()


def pack(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "model.onnx").write_bytes(content)
        spec = ModelSpec.model_validate({"version": 1, "name": "m", "model": {"path": "model.onnx"}})
        refusal = ""
        try:
            bundle.pack(LoadedSpec(spec, "mldeploy.yaml", root, "dev", {}), root / "store")
        except MldeployError as error:
            refusal = error.message
        stored = [path.name for path in (root / "store").glob("*")]
        assert len(stored) == (0 if refusal else 1)
        assert ".partial-" not in refusal


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_flipped_bytes(flips):
    content = bytearray(WHOLE)
    for position, value in flips:
        content[position] = value
    pack(bytes(content))


@pytest.mark.parametrize("size", range(1, len(WHOLE), 17))
def test_cut_anywhere(size):
    pack(WHOLE[:size])


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=300) | st.binary(max_size=60).map(lambda tail: b"PK\x03\x04" + tail))
def test_any_bytes_have_a_kind(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        kind = sniff(path)
        assert kind.title
        assert kind.family or kind.remedy or kind.title.startswith(("a ", "an "))
