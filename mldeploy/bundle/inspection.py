"""What a model file is, for `init`: its signature, a suggested spec section, and a request that fits it.

inspect(path) ─▶ ModelFacts        nothing is packed or stored; a pickle is loaded only with trust
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mldeploy.bundle.sniff import check_usable, sniff
from mldeploy.bundle.sources import FORMAT_OF_FAMILY, check_kind, check_suffix
from mldeploy.errors import ModelError
from mldeploy.handlers.tensor import TensorSpec

LONGEST_SAMPLE = 4096  # numbers in a sample request; a larger input gets none
FREE_AXIS = 8  # size of a dynamic axis beyond the batch, in a sample request


@dataclass(frozen=True)
class ModelFacts:
    """`preprocess` and `postprocess` are suggestions for the spec's model section (None: leave it out). `sample` is the
    "inputs" of a POST /predict body that fits them, None for images and for inputs too large to write down."""

    path: Path
    format: str
    description: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    classes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    preprocess: dict[str, Any] | None = None
    postprocess: dict[str, Any] | None = None
    sample: Any = None
    warnings: tuple[str, ...] = ()
    needs: dict[str, Any] = field(default_factory=dict)  # settings that the spec must have (trust_pickle: true)


def inspect(path: Path | str, trust_pickle: bool = False, data: Path | str | None = None) -> ModelFacts:
    """Look at a model file. `data` is a CSV with a header whose first row becomes the sample. Raises ModelError."""
    path = Path(path)
    check_usable(path, "model")
    kind = sniff(path)
    check_kind(path, kind)
    check_suffix(path, kind)
    row = _first_row(Path(data)) if data is not None else None
    if FORMAT_OF_FAMILY[kind.family] == "onnx":
        return _inspect_onnx(path, row)
    return _inspect_sklearn(path, trust_pickle, row)


def _inspect_onnx(path: Path, row: dict[str, Any] | None) -> ModelFacts:
    from mldeploy.bundle import kernels, onnx_file, optimise, signature
    from mldeploy.bundle.building import onnx_facts

    with onnx_file.names_of(path):
        model = onnx_file.load(path)
        kernels.check(model, path)
        facts = onnx_facts(model)
        found = signature.of_session(optimise.new_session(path, name=path))
    description = facts["description"] + "".join(
        f" · {what} {spec.name} {signature.describe(spec)}"
        for what, specs in (("in", found.inputs), ("out", found.outputs))
        for spec in specs[:2]
    )
    preprocess = suggest_preprocess(found.inputs)
    return ModelFacts(
        path,
        "onnx",
        description,
        found.inputs,
        found.outputs,
        preprocess=preprocess,
        postprocess=suggest_postprocess(found.outputs),
        sample=None if preprocess else sample(found.inputs, (), row),
    )


def _inspect_sklearn(path: Path, trust_pickle: bool, row: dict[str, Any] | None) -> ModelFacts:
    from mldeploy.bundle import building_sklearn, sklearn_file
    from mldeploy.bundle.sklearn_inputs import plan_inputs

    kind = sniff(path)
    loaded = sklearn_file.load(path, kind, trust_pickle)
    plan = plan_inputs(loaded.estimator)
    inputs = building_sklearn.input_specs(plan)
    outputs, _ = building_sklearn.output_specs(loaded.estimator)
    classes = sklearn_file.classes(loaded.estimator)
    names = plan.names if plan.has_names else ()
    has_scores = any(spec.name == "probabilities" for spec in outputs)
    return ModelFacts(
        path,
        "sklearn",
        sklearn_file.description(loaded.estimator),
        inputs,
        outputs,
        classes,
        names,
        preprocess={"kind": "tabular", "columns": list(plan.names)} if names or plan.form == "columns" else None,
        postprocess={"kind": "top_k", "k": min(3, len(classes))} if has_scores and len(classes) > 2 else None,
        sample=sample(inputs, names or (plan.names if plan.form == "columns" else ()), row),
        warnings=loaded.warnings,
        needs={"trust_pickle": True} if trust_pickle and kind.family == "pickle" else {},
    )


def suggest_preprocess(inputs: tuple[TensorSpec, ...]) -> dict[str, Any] | None:
    """`image` when the only input looks like one: [N,3,H,W] or [N,H,W,3], one or three channels, sides of 16 px or more."""
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].dtype not in ("FP32", "FP16", "UINT8"):
        return None
    _, second, third, last = inputs[0].shape
    for layout, channels, height, width in (("NCHW", second, third, last), ("NHWC", last, second, third)):
        if channels in (1, 3) and all(side >= 16 or side == -1 for side in (height, width)):
            found: dict[str, Any] = {"kind": "image", "size": [side if side > 0 else 224 for side in (height, width)]}
            if channels == 1:
                found["color"] = "L"
            return found | {"layout": layout} if layout != "NCHW" else found
    return None


def suggest_postprocess(outputs: tuple[TensorSpec, ...]) -> dict[str, Any] | None:
    """`top_k` when the only output has many classes, with softmax when it is called logits."""
    if len(outputs) != 1 or len(outputs[0].shape) != 2 or not outputs[0].dtype.startswith("FP") or outputs[0].shape[1] < 10:
        return None
    found: dict[str, Any] = {"kind": "top_k", "k": 5}
    return found | {"softmax": True} if "logit" in outputs[0].name.lower() else found


def _first_row(path: Path) -> dict[str, Any]:
    check_usable(path, "data")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            row = next(csv.DictReader(file), None)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ModelError(f"data: {path} is not a CSV file in UTF-8 ({error})", "give rows with a header") from error
    if row is None:
        raise ModelError(f"data: {path} has no row under its header", "give at least one row")
    return {str(key): _parsed(value) for key, value in row.items() if key is not None}


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return text


def sample(inputs: tuple[TensorSpec, ...], columns: tuple[str, ...], row: dict[str, Any] | None) -> Any:
    """The "inputs" of a request: one row of named columns, one matrix row, or a tensor of each input. None when too large."""
    if columns and len(inputs) > 1:
        kinds = {spec.name: spec.dtype for spec in inputs}
        return [{name: (row or {}).get(name, _value(kinds[name])) for name in columns}]
    if columns:
        return [{name: (row or {}).get(name, _value(inputs[0].dtype)) for name in columns}]
    if sum(_count(spec) for spec in inputs) > LONGEST_SAMPLE:
        return None
    if len(inputs) == 1 and row is not None and len(inputs[0].shape) == 2 and len(row) >= inputs[0].shape[1] > 0:
        return [list(row.values())[: inputs[0].shape[1]]]
    tensors = {spec.name: _filled(spec.shape, spec.dtype) for spec in inputs}
    return tensors if len(tensors) != 1 else next(iter(tensors.values()))


def _sizes(shape: tuple[int, ...]) -> list[int]:
    return [axis if axis >= 0 else (1 if position == 0 else FREE_AXIS) for position, axis in enumerate(shape)]


def _count(spec: TensorSpec) -> int:
    count = 1
    for size in _sizes(spec.shape):
        count *= size
    return count


def _filled(shape: tuple[int, ...], dtype: str) -> Any:
    value: Any = _value(dtype)
    for size in reversed(_sizes(shape)):
        value = [value] * size
    return value


def _value(dtype: str) -> Any:
    return {"BOOL": False, "BYTES": "text"}.get(dtype, 0.0 if dtype in ("FP16", "BF16", "FP32", "FP64") else 0)
