"""Building a bundle's files: from digested sources to a folder and its document. Everything heavy happens below here.

onnx      gates ─▶ signature ─▶ compile pre/post ─▶ optimise ─▶ compare with the unpacked pipeline
sklearn   convert ─▶ parity with scikit-learn ─▶ as onnx            (convert: false: the estimator itself)
python    the declared signature and the hook
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mldeploy.bundle import kernels, onnx_file, optimise, parity_rows, reference, signature
from mldeploy.bundle.compile_image import compile_image
from mldeploy.bundle.compile_post import compile_softmax, compile_top_k
from mldeploy.bundle.compile_tabular import compile_tabular
from mldeploy.bundle.hook_file import check_hook
from mldeploy.bundle.sources import HOOK_NAME, Sources
from mldeploy.errors import ModelError
from mldeploy.handlers.manifest import SCHEMA
from mldeploy.progress import Reporter
from mldeploy.spec.model import ImagePreprocess, ModelSection, SoftmaxPostprocess, TabularPreprocess, TopKPostprocess

if TYPE_CHECKING:
    import onnx

ENTRY = "model.onnx"


@dataclass
class Draft:
    """What a build fills in: the document of bundle.json, less what packing adds (fingerprint, files, tools)."""

    name: str
    format: str
    source: Path
    entry: str = ""
    hook: str = ""
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    preprocess: dict[str, Any] | None = None
    top_k: dict[str, Any] | None = None
    labels: tuple[str, ...] = ()
    signature: dict[str, Any] = field(default_factory=dict)
    engine: dict[str, Any] = field(default_factory=dict)
    parity: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The draft as JSON values."""
        fields = {key: value for key, value in vars(self).items() if key not in ("extra", "source")}
        return {"schema": SCHEMA, **fields, **self.extra, "labels": list(self.labels)}


def build(sources: Sources, folder: Path, report: Reporter) -> dict[str, Any]:
    """Fill `folder` with the bundle's files but bundle.json; returns its document."""
    draft = Draft(name=sources.name, format=sources.format, source=sources.model or Path(sources.name), labels=sources.labels)
    if sources.sample is not None:
        draft.extra["sample"] = sources.sample
    if sources.hook is not None:
        check_hook(sources.hook, sources.format)
        shutil.copyfile(sources.hook, folder / HOOK_NAME)
        draft.hook = HOOK_NAME
    if sources.format == "onnx":
        _build_onnx(sources, folder, draft, report)
    elif sources.format == "sklearn":
        from mldeploy.bundle.building_sklearn import build_sklearn

        build_sklearn(sources, folder, draft, report)
    else:
        from mldeploy.bundle.building_python import build_python

        build_python(sources, folder, draft)
    return draft.document()


def _build_onnx(sources: Sources, folder: Path, draft: Draft, report: Reporter) -> None:
    report.note(f"reading {sources.model_file.name}")
    with onnx_file.names_of(sources.model_file):
        model = onnx_file.load(sources.model_file)
        kernels.check(model, sources.model_file)
        draft.facts = onnx_facts(model)
        build_graph(model, sources, folder, draft, report)


def onnx_facts(model: onnx.ModelProto) -> dict[str, Any]:
    """What a person likes to know about an ONNX model."""
    producer = " ".join(part for part in (model.producer_name, model.producer_version) if part)
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), None)
    return {
        "description": f"ONNX opset {opset}" + (f" from {producer}" if producer else ""),
        "opset": opset,
        "ir_version": model.ir_version,
    }


def build_graph(
    model: onnx.ModelProto, sources: Sources, folder: Path, draft: Draft, report: Reporter, rows: dict[str, Any] | None = None
) -> None:
    """Compile pre- and postprocessing into `model`, optimise it, check it, and leave it in `folder`. Fills `draft`.

    It is checked on `rows`, else on the user's rows, else on random inputs.
    """
    section = sources.section
    target, unoptimised = folder / ENTRY, folder / "unoptimised.onnx"
    onnx_file.save(model, unoptimised)
    session = optimise.new_session(unoptimised, name=draft.source)
    original = signature.of_session(session)
    compiled = compile_into(model, original, section, draft)
    report.note("running the model as it was")
    expected = reference.prepare(session, original, section, rows or parity_rows.feeds(sources, original))
    del session  # before the packed one is loaded: a large model would be held twice
    onnx_file.save(model, unoptimised)
    report.note("optimising the graph and comparing")
    level = optimise.optimise(unoptimised, target, model)
    packed = signature.of_session(optimise.new_session(target, name=draft.source))
    draft.entry, draft.engine = ENTRY, {"optimisation": level}
    draft.signature = original.document()
    draft.inputs = [spec._asdict() for spec in packed.inputs]
    draft.outputs = [spec._asdict() for spec in packed.outputs]
    draft.facts["compiled"] = ", ".join(compiled)
    if expected is None:
        draft.warnings.append("the model took none of the random inputs tried, so the packed graph was not compared with it")
        return
    draft.warnings.extend(expected.warnings)
    if expected.outputs:
        found = reference.check(expected, target, level, section, draft.top_k, draft.labels)
        draft.parity["graph"] = {"max_difference": found.largest, "allowed": found.allowed}


def compile_into(model: onnx.ModelProto, original: signature.Signature, section: ModelSection, draft: Draft) -> list[str]:
    """Edit `model`; returns what was compiled in. Raises ModelError when spec and model do not match."""
    compiled = []
    pre, post = section.preprocess, section.postprocess
    if isinstance(pre, ImagePreprocess):
        draft.preprocess = compile_image(model, original, pre)
        compiled.append("preprocessing")
    elif isinstance(pre, TabularPreprocess):
        before = len(model.graph.node)
        draft.preprocess = compile_tabular(model, original, pre)
        if len(model.graph.node) > before:
            compiled.append("casts")
    if isinstance(post, SoftmaxPostprocess):
        compile_softmax(model, original, post)
        compiled.append("softmax")
    elif isinstance(post, TopKPostprocess):
        draft.top_k = compile_top_k(model, original, post, draft.labels)
        compiled.append("top-k")
    if draft.labels and draft.top_k is None:
        check_label_count(original, draft.labels)
    return compiled


def check_label_count(original: signature.Signature, labels: tuple[str, ...]) -> None:
    """Without top_k nothing says which output holds the classes: when it is clear, its last axis must fit the labels."""
    floats = [spec for spec in original.outputs if spec.dtype in signature.FLOATS and len(spec.shape) > 1]
    if len(floats) == 1 and floats[0].shape[-1] not in (-1, len(labels)):
        raise ModelError(
            f"model.labels: {len(labels)} labels for output {floats[0].name!r}, which has {floats[0].shape[-1]} classes",
            "give one label a class, in the model's order",
        )
