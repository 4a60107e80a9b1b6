"""Reading an ONNX file into one self-contained ModelProto, and saying in plain words why that does not work.

External weight files are inlined: a bundle is one file. Refused: damaged files, weights that lie elsewhere or are missing,
models over protobuf's limit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mldeploy.errors import ModelError

if TYPE_CHECKING:
    import onnx

PROTOBUF_LIMIT_BYTES = 2**31 - 1  # a serialized message, protobuf encoding documentation


def load(path: Path) -> onnx.ModelProto:
    """Parse `path` with its external weights, if any. Raises ModelError."""
    import onnx

    check_size(path.stat().st_size, path)
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf has an error class of its own, which onnx does not name
        raise ModelError(
            f"{path} is not a complete ONNX model: it is cut off or damaged ({error})", "copy or export it again"
        ) from error
    if not model.graph.node and not model.graph.output:
        raise ModelError(f"{path} holds no graph: it is cut off, or not an ONNX model", "copy or export it again")
    _inline_external_data(model, path)
    _make_weights_constant(model)
    return model


@contextlib.contextmanager
def names_of(path: Path) -> Iterator[None]:
    """Around whatever touches a model's names, which are decoded only then: a damaged one is a ModelError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is damaged: a name in it is not UTF-8", "copy or export it again") from error


def check_size(size_bytes: int, path: Path) -> None:
    """Raise ModelError beyond what one ONNX file can hold."""
    if size_bytes > PROTOBUF_LIMIT_BYTES:
        raise ModelError(
            f"{path} with its weights is {size_bytes / 1e9:.1f} GB; one ONNX file holds at most 2 GB",
            "store the weights as fp16 or int8, or serve it with `format: python` and a hook",
        )


def _inline_external_data(model: onnx.ModelProto, path: Path) -> None:
    from onnx import external_data_helper as external

    tensors = [tensor for tensor in external._get_all_tensors(model) if external.uses_external_data(tensor)]
    if not tensors:
        return
    sizes: dict[Path, int] = {}
    for tensor in tensors:
        location = external.ExternalDataInfo(tensor).location
        file = path.parent / location
        if Path(location).is_absolute() or ".." in Path(location).parts:
            raise ModelError(
                f"{path}: its weights lie at {location!r}, outside the model's folder",
                "put them beside the model, or export it as one file",
            )
        if not file.is_file():
            raise ModelError(
                f"{path}: its weights are in {location!r}, which is not beside it",
                "copy that file too, or export with external_data=False",
            )
        sizes[file] = file.stat().st_size
    check_size(path.stat().st_size + sum(sizes.values()), path)
    try:
        external.load_external_data_for_model(model, str(path.parent))
    except Exception as error:
        raise ModelError(f"{path}: its external weights cannot be read ({error})", "copy or export the model again") from error


def _make_weights_constant(model: onnx.ModelProto) -> None:
    """Weights that are also listed as inputs (the rule before IR version 4) could be overridden and so never be folded."""
    weights = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in weights]
    if len(kept) < len(model.graph.input):
        del model.graph.input[:]
        model.graph.input.extend(kept)
    model.ir_version = max(model.ir_version, 4)


def save(model: onnx.ModelProto, path: Path) -> None:
    """Write `model` as one file. Raises ModelError over protobuf's limit, OSError on a full disk."""
    check_size(model.ByteSize(), path)
    path.write_bytes(model.SerializeToString(deterministic=True))
