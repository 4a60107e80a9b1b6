"""One call of a session: the native values it needs, made once and used again by later calls.

A call that is at rest holds OrtRunOptions and empty slots; a call under way also holds an OrtValue for each input and output.
It belongs to one thread at a time; `LeanEngine` hands them out.
"""

from __future__ import annotations

from ctypes import Array, byref, c_int, c_int64, c_size_t, c_void_p, string_at

from mldeploy.handlers.engines import EngineError, headroom
from mldeploy.handlers.engines.ort_api import Ort
from mldeploy.handlers.engines.ort_session import ELEMENT_TYPES, Session
from mldeploy.handlers.tensor import ITEM_SIZE_BYTES, Tensor, TensorSpec, element_count

_POINTER_BYTES = 8
_MAX_RANK = 32


class Call:
    """Room for one run at a time."""

    __slots__ = (
        "_axes",
        "_element",
        "_info",
        "_options",
        "_ort",
        "_outputs",
        "_places",
        "_rank",
        "_run",
        "_session",
        "_start",
        "_values",
    )

    def __init__(self, ort: Ort, session: Session) -> None:
        self._ort = ort
        self._session = session
        self._options = c_void_p()
        ort.check(ort.CreateRunOptions(byref(self._options)))
        inputs, outputs = len(session.inputs), len(session.outputs)
        values, results = (c_void_p * inputs)(), (c_void_p * outputs)()
        self._run = (
            session.handle, self._options, session.input_names, values, c_size_t(inputs),
            session.output_names, c_size_t(outputs), results,
        )  # fmt: skip
        # Each slot is a view of its place in the array that Run takes.
        slots = [_slot(values, position) for position in range(inputs)]
        self._values = [(feed, slot, byref(slot)) for feed, slot in zip(session.feeds, slots, strict=True)]
        self._outputs = [(spec, _slot(results, position)) for position, spec in enumerate(session.outputs)]
        self._info, self._start, self._element, self._rank = c_void_p(), c_void_p(), c_int(), c_size_t()
        self._places = byref(self._info), byref(self._start), byref(self._element), byref(self._rank)
        self._axes = (c_int64 * _MAX_RANK)()

    def run(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Check the inputs, run, copy the outputs out. Raises EngineInputError, OrtError, EngineError."""
        ort, memory = self._ort, self._session.memory
        kept = []  # the buffers that the values look into, until those are released
        if self._session.is_limited:
            headroom.require(headroom.TO_RUN_BYTES)
        try:
            for feed, _, place in self._values:
                data, (_, size, axes, rank) = feed.admit(inputs.get(feed.name))
                kept.append(data)
                if status := ort.CreateTensorWithDataAsOrtValue(memory, data, size, axes, rank, feed.element, place):
                    ort.check(status)
            if status := ort.Run(*self._run):
                ort.check(status)
            return {spec.name: self._read(spec, slot) for spec, slot in self._outputs}
        finally:
            for _, slot, _ in self._values:
                ort.ReleaseValue(slot)  # takes null
                slot.value = None
            for _, slot in self._outputs:
                ort.ReleaseValue(slot)
                slot.value = None

    def stop(self) -> None:
        """End the run from another thread; it fails as soon as the operator at work is done. The call cannot run again."""
        self._ort.check(self._ort.RunOptionsSetTerminate(self._options))

    def release(self) -> None:
        """Give the run options back; the call is of no use afterwards."""
        self._ort.ReleaseRunOptions(self._options)

    def _read(self, spec: TensorSpec, value: c_void_p) -> Tensor:
        """A copy of an output."""
        ort, info, element, rank, axes = self._ort, self._info, self._element, self._rank, self._axes
        info_place, start_place, element_place, rank_place = self._places
        if not value:
            raise EngineError(f"the model left output {spec.name} empty")
        if status := ort.GetTensorTypeAndShape(value, info_place):
            ort.check(status)
        status = ort.GetTensorElementType(info, element_place) or ort.GetDimensionsCount(info, rank_place)
        total = rank.value
        if not status and total <= _MAX_RANK:
            status = ort.GetDimensions(info, axes, rank)
        ort.ReleaseTensorTypeAndShapeInfo(info)
        status = status or ort.GetTensorMutableData(value, start_place)
        if status:
            ort.check(status)
        if element.value != ELEMENT_TYPES[spec.dtype] or total > _MAX_RANK:
            raise EngineError(f"output {spec.name} has element type {element.value} and rank {total} instead of {spec}")
        shape = tuple(axes[:total])
        size = element_count(shape) * ITEM_SIZE_BYTES[spec.dtype]
        return Tensor(spec.dtype, shape, string_at(self._start, size) if size else b"")


def _slot(array: Array[c_void_p], position: int) -> c_void_p:
    return c_void_p.from_buffer(array, position * _POINTER_BYTES)
