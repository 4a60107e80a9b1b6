"""Small edits of an ONNX graph: put nodes before an input or after an output, under names that nobody uses yet.

The edited ModelProto is the packer's own copy; the user's file is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import onnx

MINIMUM_OPSET = 7  # numpy-style broadcasting of Mul and Add starts here (ONNX operator changelog)


def opset(model: onnx.ModelProto) -> int:
    """The version of the default operator set that `model` imports (1 when it imports none)."""
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)


def ensure_opset(model: onnx.ModelProto) -> None:
    """Import the default operator set when the model uses only others (an ai.onnx.ml model may)."""
    if not any(entry.domain in ("", "ai.onnx") for entry in model.opset_import):
        entry = model.opset_import.add()
        entry.domain, entry.version = "", 13


class Editor:
    """Edits one graph. Node outputs and initializers that it makes are called `mldeploy/<stem>`."""

    def __init__(self, model: onnx.ModelProto) -> None:
        ensure_opset(model)
        self.model = model
        self.graph = model.graph
        self.opset = opset(model)
        self._taken = set(_names(model.graph))

    def fresh(self, stem: str) -> str:
        """A tensor name that is not in use."""
        name, number = f"mldeploy/{stem}", 1
        while name in self._taken:
            name, number = f"mldeploy/{stem}_{number}", number + 1
        self._taken.add(name)
        return name

    def constant(self, stem: str, value: np.ndarray[Any, Any]) -> str:
        """Add an initializer; returns its name."""
        from onnx import numpy_helper

        name = self.fresh(stem)
        self.graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def node(self, op_type: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:
        """A node of the default operator set, not yet in the graph."""
        from onnx import helper

        return helper.make_node(op_type, list(inputs), list(outputs), name=outputs[0], **attributes)

    def replace_input(
        self, name: str, inputs: Sequence[onnx.ValueInfoProto], nodes: Sequence[onnx.NodeProto], inner: str
    ) -> None:
        """Take `inputs` in place of input `name`; `nodes` compute from them `inner`, which the graph then reads instead."""
        position = _index(self.graph.input, name)
        self._rename_everywhere(name, inner)
        for value in self.graph.output:
            if value.name == name:  # an input that is handed through: the output keeps its name
                nodes = [*nodes, self.node("Identity", [inner], [name])]
        kept = [*self.graph.input[:position], *inputs, *self.graph.input[position + 1 :]]
        _assign(self.graph.input, kept)
        _assign(self.graph.node, [*nodes, *self.graph.node])

    def detach_output(self, name: str) -> str:
        """Remove output `name` from the graph; returns the tensor that fed it, renamed so that `name` is free."""
        del self.graph.output[_index(self.graph.output, name)]
        if any(value.name == name for value in self.graph.input):  # an input that is handed through
            return name
        inner = self.fresh(name)
        self._rename_everywhere(name, inner)
        return inner

    def claim(self, name: str) -> str:
        """`name` for a new output: an inner tensor that is called so gives way, an input does not (then another name)."""
        if any(value.name == name for value in self.graph.input):
            return self.fresh(name)
        self._rename_everywhere(name, self.fresh(name))
        return name

    def prune(self) -> None:
        """Remove the nodes and initializers that no output depends on any more."""
        needed, kept = {value.name for value in self.graph.output}, []
        for node in reversed(self.graph.node):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(_node_names(node))
        _assign(self.graph.node, kept[::-1])
        _assign(self.graph.initializer, [tensor for tensor in self.graph.initializer if tensor.name in needed])
        _assign(self.graph.value_info, [value for value in self.graph.value_info if value.name in needed])

    def _rename_everywhere(self, old: str, new: str) -> None:
        for node in self.graph.node:
            _rename(node, old, new)
        for group in (self.graph.initializer, self.graph.value_info):
            for value in group:
                if value.name == old:
                    value.name = new


def value_info(
    name: str, element_type: int, like: onnx.ValueInfoProto | None, axes: Sequence[int | str | None]
) -> onnx.ValueInfoProto:
    """A tensor's declaration. An axis is a size, a name, -1 (unknown), or None: the first axis of `like` (its batch)."""
    from onnx import helper

    batch: int | str | None = None
    if like is not None and like.type.tensor_type.shape.dim:
        first = like.type.tensor_type.shape.dim[0]
        batch = first.dim_value if first.HasField("dim_value") else (first.dim_param or None)
    return helper.make_tensor_value_info(
        name, element_type, [batch if axis is None else None if axis == -1 else axis for axis in axes]
    )


def find(values: Any, name: str) -> onnx.ValueInfoProto:
    """The input or output called `name`."""
    found: onnx.ValueInfoProto = values[_index(values, name)]
    return found


def _index(values: Any, name: str) -> int:
    return next(index for index, value in enumerate(values) if value.name == name)


def _assign(field: Any, values: Sequence[Any]) -> None:
    copies = list(values)
    del field[:]
    field.extend(copies)


def _rename(node: onnx.NodeProto, old: str, new: str) -> None:
    """Rename a tensor where a node or the bodies inside it (If, Loop, Scan) read or write it."""
    for names in (node.input, node.output):
        for index, name in enumerate(names):
            if name == old:
                names[index] = new
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                _rename(inner, old, new)
            for value in graph.output:
                if value.name == old:  # a body may hand an outer tensor through
                    value.name = new


def _names(graph: onnx.GraphProto) -> Iterator[str]:
    for group in (graph.input, graph.output, graph.initializer, graph.value_info):
        yield from (value.name for value in group)
    for node in graph.node:
        yield from _node_names(node)


def _node_names(node: onnx.NodeProto) -> Iterator[str]:
    yield from (*node.input, *node.output)
    for attribute in node.attribute:
        for body in (attribute.g, *attribute.graphs):
            yield from _names(body)
