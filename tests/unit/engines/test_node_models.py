"""Lean against stock on ONNX's own node tests: an operator each, far beyond what the corpus has. A sixth of them, by number."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import onnx

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import EngineError, open_engine
from mldeploy.handlers.manifest import Manifest

EVERY = 6
NEWEST_OPSET, NEWEST_IR = 22, 10


def cases() -> Iterator[tuple[onnx.ModelProto, list[Any]]]:
    """Models of tensors only, with dynamic axes, at an opset that the runtime has."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collected = collect_testcases(None)
    for case in collected[::EVERY]:
        model, given = onnx.ModelProto(), case.data_sets[0][0]
        model.CopyFrom(case.model)
        if not all(isinstance(value, np.ndarray | np.generic) for value in given):
            continue
        model.ir_version = min(model.ir_version, NEWEST_IR)
        for opset in model.opset_import:
            opset.version = min(opset.version, NEWEST_OPSET) if opset.domain in ("", "ai.onnx") else opset.version
        for value in (*model.graph.input, *model.graph.output):
            for axis in value.type.tensor_type.shape.dim:
                axis.Clear()
        yield model, given


def test_lean_answers_bit_for_bit_like_stock(models: ModuleType, bundle: Callable[..., Manifest]) -> None:
    compared, differing = 0, []
    manifest = bundle(b"")
    for model, given in cases():
        inputs, outputs = models.signature(model)
        if any(spec.dtype in ("BF16", "BYTES") for spec in inputs + outputs):
            continue  # one engine only
        (manifest.root / "model.onnx").write_bytes(model.SerializeToString())
        manifest = manifest._replace(inputs=inputs, outputs=outputs)
        try:
            lean = open_engine(manifest, ServingConfig(engine="lean", threads=1))
        except EngineError:
            continue  # sequences, newer operators
        stock = open_engine(manifest, ServingConfig(engine="stock", threads=1))
        row = {spec.name: models.tensor(value, spec.dtype) for spec, value in zip(inputs, given, strict=False)}
        answers = [_outcome(engine, row) for engine in (lean, stock)]
        compared += 1
        if answers[0] != answers[1]:
            differing.append(model.graph.name)
        lean.close()
        stock.close()
    assert differing == []
    assert compared > 150


def _outcome(engine: Any, row: dict[str, Any]) -> object:
    try:
        return engine.run(row)
    except EngineError as error:
        return type(error)
