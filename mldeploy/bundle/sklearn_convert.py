"""scikit-learn estimator -> ModelProto, with the traps of conversion defused.

opset and IR          pinned well below what onnx writes by default, which the runtime would refuse
ZipMap                left out: a plain tensor of probabilities
thresholds of trees   rounded down to float32: then x <= t holds for the same float32 x as in scikit-learn
scaler before trees   computed in float64: float32 would move values over thresholds
text                  C.UTF-8 instead of a locale that slim images lack; a token pattern that splits as scikit-learn does
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mldeploy.bundle.graph_edit import Editor
from mldeploy.bundle.sklearn_inputs import FLOAT, INT, MATRIX_NAME, STRING, InputPlan, parts
from mldeploy.errors import ModelError

if TYPE_CHECKING:
    import onnx

OPSET, ML_OPSET, IR_VERSION = 18, 3, 9
SKLEARN_TOKENS = r"(?u)\b\w\w+\b"  # scikit-learn's default token_pattern
ONNX_TOKENS = "[a-zA-Z0-9_\u00c0-\u024f]{2,}"  # the same for Latin scripts, in the regular expressions of ONNX Runtime
_SCALERS = ("StandardScaler", "RobustScaler", "MaxAbsScaler")
WAY_OUT = "set model.convert: false to run scikit-learn itself"


def convert(estimator: Any, plan: InputPlan) -> onnx.ModelProto:
    """Convert a fitted estimator. Raises ModelError naming the part that has no converter."""
    import skl2onnx

    twin = copy.deepcopy(estimator)
    has_trees = _round_thresholds_down(twin)
    for part in parts(twin):
        if type(part).__name__ == "VotingClassifier":
            part.flatten_transform = False  # concerns transform only, and the converter refuses the default
        elif hasattr(part, "steps"):
            part.steps = [step for step in part.steps if step[1] not in (None, "passthrough")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model: onnx.ModelProto = skl2onnx.convert_sklearn(
                twin,
                name="mldeploy",
                initial_types=initial_types(plan),
                options=options(twin, has_trees),
                target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
            )
    except Exception as error:
        raise ModelError(f"{culprit(twin, error)} cannot be converted to ONNX: {reason(error)}", WAY_OUT) from error
    if has_trees:
        _restore_means(model, twin)
    _normalise(model)
    if not hasattr(estimator, "predict_proba") and any(value.name == "probabilities" for value in model.graph.output):
        _append(model, "probabilities", "scores", "Identity")  # from decision_function: no name that misleads
    return model


def declare_shapes(model: onnx.ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Write down the outputs' shapes as a run has shown them, rows first: the converter guesses some wrongly. Labels that come
    as [1,N] become [N]."""
    for value in list(model.graph.output):
        if value.name == "label" and len(shapes["label"]) == 2 and shapes["label"][0] == 1:
            _append(model, "label", "label", "Reshape", np_shape=(-1,))
            shapes = {**shapes, "label": shapes["label"][1:]}
    for value in model.graph.output:
        dimensions = value.type.tensor_type.shape.dim
        del dimensions[:]
        dimensions.add()
        for size in shapes[value.name][1:]:
            dimensions.add().dim_value = size


def _append(model: onnx.ModelProto, old: str, new: str, op_type: str, np_shape: tuple[int, ...] | None = None) -> None:
    """Put one node behind output `old`, whose place output `new` takes."""
    import numpy as np

    editor = Editor(model)
    position = [value.name for value in model.graph.output].index(old)
    declared = copy.deepcopy(model.graph.output[position])
    inner = editor.detach_output(old)
    declared.name = editor.claim(new)
    constants = [editor.constant("shape", np.array(np_shape, np.int64))] if np_shape else []
    model.graph.node.append(editor.node(op_type, [inner, *constants], [declared.name]))
    model.graph.output.insert(position, declared)


def initial_types(plan: InputPlan) -> list[tuple[str, Any]]:
    """The declarations that the converter wants."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    types = {FLOAT: FloatTensorType, INT: Int64TensorType, STRING: StringTensorType}
    if plan.form == "columns":
        return [(name, types[kind]([None, 1])) for name, kind in zip(plan.names, plan.kinds, strict=True)]
    name = plan.names[0] if plan.form == "text" else MATRIX_NAME
    return [(name, types[plan.kinds[0]]([None, plan.width]))]


def options(estimator: Any, has_trees: bool) -> dict[int, dict[str, Any]]:
    """Conversion options for each part that needs some, by identity."""
    chosen: dict[int, dict[str, Any]] = {}
    for part in parts(estimator):
        name = type(part).__name__
        if hasattr(part, "classes_") and _accepts(part, "zipmap") and _accepts(_last(part), "zipmap"):
            chosen[id(part)] = {"zipmap": False}
        if _accepts(part, "raw_scores") and not hasattr(part, "predict_proba"):
            chosen[id(part)] = {**chosen.get(id(part), {}), "raw_scores": True}
        elif has_trees and name in _SCALERS:
            chosen[id(part)] = {"div": "div_cast"}
        elif _accepts(part, "tokenexp"):
            chosen[id(part)] = {"locale": "C.UTF-8"}
            if part.analyzer == "word" and part.token_pattern == SKLEARN_TOKENS:
                chosen[id(part)]["tokenexp"] = ONNX_TOKENS
    return chosen


def _last(part: Any) -> Any:
    """What answers in the end, inside pipelines and searches: their options are handed down to it."""
    while hasattr(part, "steps") or hasattr(part, "best_estimator_"):
        part = part.steps[-1][1] if hasattr(part, "steps") else part.best_estimator_
    return part


def _accepts(part: Any, option: str) -> bool:
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import get_converter

    alias = sklearn_operator_name_map.get(type(part))
    return alias is not None and option in (get_converter(alias).get_allowed_options() or {})


def _round_thresholds_down(estimator: Any) -> bool:
    """Round every tree's thresholds to the largest float32 not above them; True when there are trees.

    scikit-learn compares a float32 feature with a float64 threshold; for float32 x, x <= t and x <= floor32(t) are the same.
    """
    import numpy as np

    found = False
    for part in parts(estimator):
        tree = getattr(part, "tree_", None)
        if tree is not None:
            threshold = tree.threshold  # a view of the tree's own memory
            single = threshold.astype(np.float32)
            threshold[:] = np.where(single > threshold, np.nextafter(single, np.float32(-np.inf)), single)
            found = True
    return found


def _restore_means(model: onnx.ModelProto, estimator: Any) -> None:
    """The converter rounds a scaler's mean to float32 before it subtracts in float64: put the mean itself back."""
    import numpy as np
    from onnx import TensorProto, numpy_helper

    scalers = [part for part in parts(estimator) if type(part).__name__ in _SCALERS]
    means = [value for part in scalers for key in ("mean_", "center_") if (value := getattr(part, key, None)) is not None]
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.DOUBLE:
            continue
        stored = numpy_helper.to_array(tensor)
        for mean in means:
            if stored.size == mean.size and np.array_equal(stored.ravel(), mean.astype(np.float32).astype(np.float64)):
                tensor.CopyFrom(numpy_helper.from_array(mean.reshape(stored.shape), tensor.name))


def _normalise(model: onnx.ModelProto) -> None:
    """One import a domain, pinned versions, and no names that change from run to run."""
    from onnx import helper

    domains: dict[str, int] = {}
    for entry in model.opset_import:
        domains[entry.domain] = max(entry.version, domains.get(entry.domain, 0))
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in sorted(domains.items()))
    model.ir_version = min(model.ir_version, IR_VERSION)
    model.graph.name = "mldeploy"


def culprit(estimator: Any, error: Exception) -> str:
    """The estimator that an error of the converter is about: the one it names, else the first without a converter."""
    from skl2onnx._supported_operators import sklearn_operator_name_map

    names = [type(part).__name__ for part in parts(estimator) if hasattr(part, "fit")]
    names = [name for name in names if not name.startswith("_")]
    known = {cls.__name__ for cls in sklearn_operator_name_map}
    named = [name for name in re.findall(r"[A-Z]\w+", str(error)) if name in names]
    unknown = [name for name in names if name not in known and name != "Pipeline"]
    final = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    found: str = [*named, *unknown, type(final).__name__][0]
    return found


def reason(error: Exception) -> str:
    """Why, in one line that fits on a screen."""
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    if isinstance(error, MissingConverter | MissingShapeCalculator):
        return "there is no converter for it"
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return text if len(text) <= 200 else text[:200] + "…"
