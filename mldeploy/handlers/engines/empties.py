"""Whether a model may be given a tensor without elements, which costs its sender nothing and may cost the process its life.

Some operators of ONNX Runtime abort, divide by zero or read out of bounds then (1.31.1, both engines; found by running ONNX's
own node tests with each axis of each input emptied). Whether a graph has one is looked up in the model file when the first
empty tensor comes, by the way an operator's name is written there.
"""

from __future__ import annotations

import os

from mldeploy.handlers.engines import EngineError, EngineInputError
from mldeploy.handlers.tensor import Tensor, TensorSpec

FATAL = ("GRU", "LSTM", "RNN", "AttnLSTM", "DynamicQuantizeLSTM", "ConvTranspose", "STFT", "Unique")
_OP_TYPE = b'"'  # NodeProto.op_type: field 4, length-delimited


class EmptyGate:
    """Lets empty tensors through to models without such operators."""

    def __init__(self, model: os.PathLike[str] | str) -> None:
        self._model = model
        self._is_fatal: bool | None = None

    def check(self, spec: TensorSpec, tensor: Tensor) -> None:
        """Raise EngineInputError when `tensor` is empty and the model cannot take that."""
        if 0 not in tensor.shape:
            return
        if self._is_fatal is None:
            self._is_fatal = has_fatal(self._model)
        if self._is_fatal:
            raise EngineInputError(spec.name, f"{spec.name} {list(tensor.shape)} has no elements; this model needs some")


def has_fatal(model: os.PathLike[str] | str) -> bool:
    """Whether the file names one of FATAL. By chance it seems so once in some hundred thousand files of 10 MB.

    Raises EngineError when the file cannot be read.
    """
    import mmap

    try:
        with open(model, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(_OP_TYPE + bytes([len(name)]) + name.encode()) >= 0 for name in FATAL)
    except OSError as error:
        raise EngineError(f"{os.path.basename(model)} cannot be read: {error}") from error
