"""The operator gate: does the installed ONNX Runtime have what this model needs? Asked before anything is loaded or run.

    IR version and opsets    against what the runtime accepts (probed with an empty model: onnx writes newer ones)
    each node                against the runtime's own kernel list, at the operator version that the model's opset means

Subgraphs and local functions are walked; an operator with no kernel passes when it is defined as a function of others.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mldeploy.bundle import ort
from mldeploy.errors import ModelError

if TYPE_CHECKING:
    import onnx

SHOWN = 5  # operators or nodes that a message names
_ALWAYS = {("", "Constant")}  # turned into an initializer by the loader, so it has no kernel


class Missing(NamedTuple):
    """An operator that the runtime lacks, and the nodes that use it."""

    domain: str
    op_type: str
    opset: int
    nodes: tuple[str, ...]

    def __str__(self) -> str:
        name = f"{self.domain}::{self.op_type}" if self.domain else self.op_type
        more = f" and {len(self.nodes) - SHOWN} more" if len(self.nodes) > SHOWN else ""
        return f"{name} (opset {self.opset}; node {', '.join(self.nodes[:SHOWN])}{more})"


def check(model: onnx.ModelProto, path: Path) -> None:
    """Raise ModelError naming what the installed runtime lacks for `model`."""
    version = ort.binding().__version__
    _check_versions(model, path, version)
    missing = missing_operators(model)
    if missing:
        more = f"; and {len(missing) - SHOWN} more operators" if len(missing) > SHOWN else ""
        raise ModelError(
            f"{path}: onnxruntime {version} lacks {'; '.join(str(m) for m in missing[:SHOWN])}{more}", _remedy(missing[0])
        )


def _remedy(missing: Missing) -> str:
    if missing.domain:
        return f"the domain {missing.domain!r} is not built in: export the model with standard ONNX operators"
    return "export the model with another opset, or replace that layer"


def _check_versions(model: onnx.ModelProto, path: Path, version: str) -> None:
    newest_ir = newest_ir_version()
    if model.ir_version > newest_ir:
        raise ModelError(
            f"{path} has IR version {model.ir_version}; onnxruntime {version} reads up to {newest_ir}",
            f"export it again with opset_version=20, or set model.ir_version = {min(10, newest_ir)} with onnx and save it",
        )
    opsets = {
        entry.domain.replace("ai.onnx", "") if entry.domain == "ai.onnx" else entry.domain: entry.version
        for entry in model.opset_import
    }
    for domain in ("", "ai.onnx.ml"):
        newest = newest_opset(domain)
        if opsets.get(domain, 0) > newest:
            raise ModelError(
                f"{path} needs opset {opsets[domain]} of {domain or 'ai.onnx'}; onnxruntime {version} has up to {newest}",
                f"export it again with opset_version={min(20, newest) if not domain else newest}, "
                "or convert it: onnx.version_converter.convert_version(model, 20)",
            )


@cache
def newest_ir_version() -> int:
    """The newest IR version that the installed runtime loads."""
    return next(version for version in range(64, 2, -1) if _loads(version, {"": 13}))


@cache
def newest_opset(domain: str) -> int:
    """The newest opset of `domain` that the installed runtime loads."""
    ir_version = newest_ir_version()
    highest = max(schema_version for schemas in _schema_versions().values() for schema_version in schemas)
    return next(version for version in range(highest + 1, 0, -1) if _loads(ir_version, {"": 13, domain: version}))


def _loads(ir_version: int, opsets: Mapping[str, int]) -> bool:
    """True when the runtime takes an empty model of these versions."""
    from onnx import TensorProto, helper

    onnxruntime = ort.binding()
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "probe", [value], [result])
    probe = helper.make_model(
        graph, ir_version=ir_version, opset_imports=[helper.make_opsetid(d, v) for d, v in opsets.items()]
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(probe.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:  # the binding has an exception class for each status code, all of them mean no here
        return False
    return True


def missing_operators(model: onnx.ModelProto) -> tuple[Missing, ...]:
    """The operators that no kernel of the CPU provider implements, in the order of their first use."""
    functions = {(f.domain, f.name) for f in model.functions}
    found: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    bodies: list[tuple[Mapping[str, int], Iterator[onnx.NodeProto]]] = [(_opsets(model), walk(model.graph.node))]
    bodies += [(_opsets(f), walk(f.node)) for f in model.functions]
    for opsets, nodes in bodies:
        for node in nodes:
            domain = "" if node.domain == "ai.onnx" else node.domain
            if (node.domain, node.op_type) in functions or _is_available(domain, node.op_type, opsets.get(domain, 1)):
                continue
            found[domain, node.op_type, opsets.get(domain, 1)].append(
                repr(node.name or (node.output[0] if node.output else "?"))
            )
    return tuple(Missing(*key, tuple(nodes)) for key, nodes in found.items())


def _opsets(owner: onnx.ModelProto | onnx.FunctionProto) -> Mapping[str, int]:
    return {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in owner.opset_import}


def walk(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Every node, those of subgraphs (If, Loop, Scan) included."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from walk(attribute.g.node)
            for graph in attribute.graphs:
                yield from walk(graph.node)


def _is_available(domain: str, op_type: str, opset: int) -> bool:
    if (domain, op_type) in _ALWAYS:
        return True
    versions = [version for version in _schema_versions().get((domain, op_type), ()) if version <= opset]
    if not versions:
        return False
    since = max(versions)
    return any(low <= since <= high for low, high in _kernel_ranges().get((domain, op_type), ())) or _is_function(
        domain, op_type, since
    )


@cache
def _schema_versions() -> Mapping[tuple[str, str], frozenset[int]]:
    versions: dict[tuple[str, str], set[int]] = defaultdict(set)
    for schema in ort.native().get_all_operator_schema():
        versions["" if schema.domain == "ai.onnx" else schema.domain, schema.name].add(schema.since_version)
    return {key: frozenset(found) for key, found in versions.items()}


@cache
def _kernel_ranges() -> Mapping[tuple[str, str], frozenset[tuple[int, int]]]:
    ranges: dict[tuple[str, str], set[tuple[int, int]]] = defaultdict(set)
    for kernel in ort.native().get_all_opkernel_def():
        if kernel.provider == "CPUExecutionProvider":
            ranges["" if kernel.domain == "ai.onnx" else kernel.domain, kernel.op_name].add(tuple(kernel.version_range))
    return {key: frozenset(found) for key, found in ranges.items()}


def _is_function(domain: str, op_type: str, since: int) -> bool:
    from onnx import defs

    try:
        schema: Any = defs.get_schema(op_type, since, domain)
    except defs.SchemaError:
        return False
    return bool(schema.has_function or schema.has_context_dependent_function)


_RUNTIME_REFUSALS: tuple[tuple[str, str], ...] = (
    (
        r"Could not find an implementation for ([^\s(]+\(\d+\)) node with name '([^']*)'",
        "onnxruntime has no kernel for {0} (node {1!r}) with these number types",
    ),
    (r"No Op registered for (\S+) with domain_version of (\d+)", "onnxruntime has no operator {0} in opset {1}"),
    (r"(\S+) is not a registered function/op", "onnxruntime has no operator {0}"),
    (
        r"Unsupported model IR version: (\d+), max supported IR version: (\d+)",
        "the IR version {0} is newer than onnxruntime reads ({1})",
    ),
    (
        r"Failed to construct locale with name:(\S+?):",
        "its StringNormalizer needs the locale {0}, which slim images lack (convert it again with locale C.UTF-8)",
    ),
)


def translate(error: Exception, path: Path) -> ModelError:
    """What the runtime said when it refused to load a model, as a ModelError."""
    text = str(error)
    for pattern, message in _RUNTIME_REFUSALS:
        match = re.search(pattern, text)
        if match:
            return ModelError(
                f"{path}: {message.format(*match.groups())}", "export the model with another opset, or as float32"
            )
    reason = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from \S+ failed:", "", text).strip().splitlines()
    return ModelError(
        f"{path}: onnxruntime cannot load it: {reason[-1] if reason else type(error).__name__}",
        "check it with onnx.checker.check_model(path, full_check=True)",
    )
