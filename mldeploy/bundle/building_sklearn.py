"""Building from a scikit-learn file: converted to ONNX and compared, or, with `convert: false`, the estimator as it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mldeploy.bundle import (
    building_python,
    kernels,
    optimise,
    parity_rows,
    sklearn_convert,
    sklearn_file,
    sklearn_parity,
    sklearn_rows,
)
from mldeploy.bundle.compile_post import WHERE as POSTPROCESS
from mldeploy.bundle.sklearn_inputs import FLOAT, INT, MATRIX_NAME, STRING, InputPlan, plan_inputs
from mldeploy.bundle.sniff import SKOPS, Kind
from mldeploy.bundle.sources import Sources
from mldeploy.errors import ModelError
from mldeploy.handlers.tensor import TensorSpec
from mldeploy.progress import Reporter
from mldeploy.spec.model import NoPostprocess, TopKPostprocess

if TYPE_CHECKING:
    from mldeploy.bundle.building import Draft

DTYPE_OF_KIND = {FLOAT: "FP32", INT: "INT64", STRING: "BYTES"}


def build_sklearn(sources: Sources, folder: Path, draft: Draft, report: Reporter) -> None:
    """Fill `folder` and `draft`. Raises ModelError (refused or not convertible) or GateError (the conversion disagrees)."""
    report.note(f"reading {sources.model_file.name}")
    loaded = sklearn_file.load(sources.model_file, cast(Kind, sources.kind), sources.section.trust_pickle)
    estimator = loaded.estimator
    draft.warnings.extend(loaded.warnings)
    draft.facts["description"] = sklearn_file.description(estimator)
    if isinstance(getattr(estimator, "classes_", None), list):
        raise ModelError(
            f"{sources.model_file} is a {sklearn_file.title(estimator)} of several targets, which has no single answer a row",
            "fit one classifier a target, or serve it with `format: python`",
        )
    classes = sklearn_file.classes(estimator)
    if draft.labels and classes and len(draft.labels) != len(classes):
        raise ModelError(
            f"model.labels: {len(draft.labels)} labels for a model of {len(classes)} classes ({', '.join(classes[:5])}, …)",
            "give one label a class, in the order of classes_, or leave them out",
        )
    if not draft.labels and (classes != tuple(str(i) for i in range(len(classes))) or _is_top_k(sources)):
        draft.labels = classes
    plan = plan_inputs(estimator)
    if sources.section.convert:
        _convert(sources, estimator, plan, folder, draft, report)
    else:
        _keep(sources, loaded, plan, folder, draft)


def _is_top_k(sources: Sources) -> bool:
    return isinstance(sources.section.postprocess, TopKPostprocess)


def _convert(sources: Sources, estimator: Any, plan: InputPlan, folder: Path, draft: Draft, report: Reporter) -> None:
    from mldeploy.bundle.building import build_graph

    report.note("converting to ONNX")
    model = sklearn_convert.convert(estimator, plan)
    serialized = model.SerializeToString(deterministic=True)
    try:
        kernels.check(model, sources.model_file)
        session = optimise.new_session(serialized)
    except ModelError as error:
        name = sklearn_file.title(estimator)
        raise ModelError(
            f"{name} converts to a graph that the runtime refuses: {error.message}", sklearn_convert.WAY_OUT
        ) from error
    random = sklearn_rows.random_rows(estimator, plan)
    real = None
    if sources.parity_data is not None:
        real = sklearn_rows.read_rows(sources.parity_data, plan, parity_rows.column_names(sources))
    report.note("comparing with scikit-learn")
    verdict = sklearn_parity.check(estimator, session, plan, random, real, sources.section.parity_tolerance)
    sklearn_convert.declare_shapes(model, verdict.shapes)
    rows = (
        f"{verdict.real_rows} real and {verdict.random_rows} random rows"
        if verdict.real_rows
        else f"{verdict.random_rows} random rows"
    )
    draft.warnings.extend(verdict.warnings)
    draft.parity["conversion"] = verdict.document()
    draft.facts |= {
        "opset": sklearn_convert.OPSET,
        "converted": f"ONNX opset {sklearn_convert.OPSET}, {_size(len(serialized))}",
        "parity": f"max difference {verdict.largest:.1g} on {rows}",
        "max_difference": verdict.largest,
    }
    draft.format = "onnx"
    rows_for_graph = random if verdict.random_rows else real
    build_graph(model, sources, folder, draft, report, sklearn_parity.feeds(rows_for_graph, plan))


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def _keep(sources: Sources, loaded: sklearn_file.LoadedEstimator, plan: InputPlan, folder: Path, draft: Draft) -> None:
    """A bundle of format "sklearn": the file itself, and what its engine needs to know."""
    section, estimator = sources.section, loaded.estimator
    if not isinstance(section.postprocess, NoPostprocess):
        raise ModelError(
            f"{POSTPROCESS}: {section.postprocess.kind} is compiled into an ONNX graph; with convert: false there is none",
            "leave it out (a classifier's answer has its probabilities), or use a postprocess hook",
        )
    draft.entry = "model.skops" if sources.kind is SKOPS else "model.joblib"
    shutil.copyfile(sources.model_file, folder / draft.entry)
    inputs, (outputs, methods) = input_specs(plan), output_specs(estimator)
    draft.preprocess = building_python.preprocess(section, inputs)
    draft.inputs = [spec._asdict() for spec in inputs]
    draft.outputs = [spec._asdict() for spec in outputs]
    draft.signature = {"inputs": draft.inputs, "outputs": draft.outputs}
    draft.extra = {
        "trust_pickle": section.trust_pickle,
        "sklearn": {"trusted_types": list(loaded.trusted_types), "methods": methods},
    }


def input_specs(plan: InputPlan) -> tuple[TensorSpec, ...]:
    """What the estimator takes, as tensors."""
    if plan.form == "columns":
        return tuple(TensorSpec(n, DTYPE_OF_KIND[k], (-1, 1)) for n, k in zip(plan.names, plan.kinds, strict=True))
    if plan.form == "text":
        return (TensorSpec(plan.names[0], "BYTES", (-1,)),)
    return (TensorSpec(MATRIX_NAME, DTYPE_OF_KIND[plan.kinds[0]], (-1, plan.width)),)


def output_specs(estimator: Any) -> tuple[tuple[TensorSpec, ...], dict[str, str]]:
    """What the estimator gives, as tensors, and the method behind each."""
    import numpy as np
    from sklearn.base import is_classifier

    if is_classifier(estimator):
        found = np.asarray(estimator.classes_)
        label = TensorSpec("label", "INT64" if found.dtype.kind in "iub" else "BYTES", (-1,))
        if not hasattr(estimator, "predict_proba"):
            return (label,), {"label": "predict"}
        return (label, TensorSpec("probabilities", "FP32", (-1, len(found)))), {
            "label": "predict",
            "probabilities": "predict_proba",
        }
    if hasattr(estimator, "predict"):
        is_number = not hasattr(estimator, "labels_") and not hasattr(estimator, "offset_")
        name, dtype = ("variable", "FP32") if is_number else ("label", "INT64")
        return (TensorSpec(name, dtype, (-1,)),), {name: "predict"}
    return (TensorSpec("variable", "FP32", (-1, -1)),), {"variable": "transform"}
