"""An inference request of the Open Inference Protocol v2, read: JSON and binary tensors, wanted outputs, id.

    body ─split─▶ JSON ─▶ inputs (JSON data, or the next binary_data_size bytes) ─▶ Asked(id, inputs, outputs)

It owns the protocol's own rules; whether a tensor fits the model is decided by the shared checks of `codec_json`. Everything
wrong is a Problem that names the field. Unknown members and parameters are ignored, as the protocol wants for extensions.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

from mldeploy.handlers import codec_json, media, oip_binary
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.message import Request
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import Tensor, TensorSpec

CONTENT_TYPES = ("application/json", "application/octet-stream")
# JSON has no 16-bit floats: the protocol lets these travel as binary data only.
BINARY_ONLY = ("FP16", "BF16")
# A single raw tensor without any JSON names no id, no outputs and no binary preference.
_RAW: dict[str, Any] = {"parameters": {"binary_data_output": True}}


class Wanted(NamedTuple):
    """One output to return, as binary data or as JSON."""

    name: str
    is_binary: bool


class Asked(NamedTuple):
    """What the caller wants. `id` is None when the request had none."""

    id: str | None
    inputs: dict[str, Tensor]
    outputs: tuple[Wanted, ...]


def read(manifest: Manifest, request: Request) -> Asked:
    """Decode and check an inference request. Raises Problem."""
    kind = _content_type(request.headers.get("content-type", ""))
    length = request.headers.get(oip_binary.HEADER)
    head, tail = oip_binary.split(request.body, length)
    if length is not None and not head and kind != "application/json":
        return Asked(None, _raw_input(manifest, tail), _outputs(manifest, _RAW))
    doc = codec_json.loads(head)
    if not isinstance(doc, dict):
        _refuse("body", "an inference request is a JSON object", '{"inputs": [{"name", "shape", "datatype", "data"}, …]}')
    name = doc.get("id")
    if name is not None and not isinstance(name, str):
        _refuse("id", "id is not a string", "a string")
    return Asked(name, _inputs(manifest, doc, tail), _outputs(manifest, doc))


def _refuse(field: str, detail: str, expected: str) -> NoReturn:
    raise Problem("invalid-input", detail, field=field, expected=expected)


def _content_type(header: str) -> str:
    found = media.parse(header)
    if found.name and found.name not in CONTENT_TYPES:
        raise Problem(
            "unsupported-media-type",
            f"content type {found.name[:80]!r} is not taken here",
            field="header content-type",
            expected=" or ".join(CONTENT_TYPES),
        )
    media.check_charset(found)
    return found.name


def _objects(doc: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = doc.get(key)
    if not isinstance(rows, list):
        _refuse(key, f"{key} is missing or not an array", f"an array of objects, each with a name: {key}[0].name, …")
    for index, row in enumerate(rows):
        if not isinstance(row, dict) or not isinstance(row.get("name"), str):
            _refuse(f"{key}[{index}]", f"{key}[{index}] is not an object with a name", 'an object with "name"')
    return rows


def _parameters(row: dict[str, Any], field: str) -> dict[str, Any]:
    found = row.get("parameters")
    if found is None:
        return {}
    if not isinstance(found, dict):
        _refuse(f"{field}.parameters", f"{field}.parameters is not an object", "an object")
    return found


def _flag(parameters: dict[str, Any], key: str, default: bool, field: str) -> bool:
    value = parameters.get(key, default)
    if not isinstance(value, bool):
        _refuse(f"{field}.{key}", f"{field}.{key} is not true or false", "true or false")
    return value


def _inputs(manifest: Manifest, doc: dict[str, Any], tail: bytes) -> dict[str, Tensor]:
    specs = {spec.name: spec for spec in manifest.inputs}
    found: dict[str, Tensor] = {}
    position = 0
    for index, row in enumerate(_objects(doc, "inputs")):
        spec = specs.get(row["name"])
        if spec is None:
            _refuse(f"inputs[{index}].name", f"the model has no input {row['name'][:80]!r}", " or ".join(specs))
        field = f"inputs.{spec.name}"
        if spec.name in found:
            _refuse(field, f"{field} is given twice", "each input once")
        shape = _shape(row, spec, field)
        parameters = _parameters(row, field)
        size = parameters.get("binary_data_size")
        if "shared_memory_region" in parameters:
            _refuse(f"{field}.parameters.shared_memory_region", "shared memory is not supported", "data or binary_data_size")
        if size is None:
            found[spec.name] = _json_tensor(row, spec, shape, field)
            continue
        if "data" in row:
            _refuse(f"{field}.data", f"{field} has both data and binary_data_size", "one of the two")
        if type(size) is not int or not 0 <= size <= len(tail) - position:
            _refuse(
                f"{field}.parameters.binary_data_size",
                f"{field}: binary_data_size is {str(size)[:40]}, but {len(tail) - position} bytes follow",
                "the tensor's size in bytes, within the body",
            )
        found[spec.name] = oip_binary.tensor(spec.dtype, shape, tail[position : position + size], field)
        position += size
    missing = [name for name in specs if name not in found]
    if missing:
        _refuse(f"inputs.{missing[0]}", f"no value for {', '.join(missing)}", f"inputs {', '.join(specs)}")
    if position != len(tail):
        _refuse(
            "body",
            f"{len(tail) - position} bytes of binary data belong to no input",
            "binary_data_size of the inputs adds up to what follows the JSON part",
        )
    return found


def _shape(row: dict[str, Any], spec: TensorSpec, field: str) -> tuple[int, ...]:
    if row.get("datatype") != spec.dtype:
        given = codec_json.dumps(row.get("datatype")).decode()[:40]
        _refuse(f"{field}.datatype", f"{field}.datatype is {given}; the model takes {spec.dtype}", spec.dtype)
    shape = row.get("shape")
    if not isinstance(shape, list) or not all(type(axis) is int and axis >= 0 for axis in shape):
        _refuse(f"{field}.shape", f"{field}.shape is not an array of sizes", f"{list(spec.shape)} (-1: any size)")
    codec_json.check_shape(tuple(shape), spec, f"{field}.shape")
    return tuple(shape)


def _json_tensor(row: dict[str, Any], spec: TensorSpec, shape: tuple[int, ...], field: str) -> Tensor:
    if spec.dtype in BINARY_ONLY:
        _refuse(field, f"{field}: {spec.dtype} cannot travel as JSON", "binary data: parameters.binary_data_size")
    if "data" not in row:
        _refuse(f"{field}.data", f"{field} has neither data nor binary_data_size", "data, an array")
    return codec_json.tensor_of_shape(row["data"], spec, shape, f"{field}.data")


def _raw_input(manifest: Manifest, data: bytes) -> dict[str, Tensor]:
    """A body that is nothing but one tensor (header length 0): the shape follows from its size."""
    spec = manifest.inputs[0]
    field = f"inputs.{spec.name}"
    if len(manifest.inputs) > 1 or spec.dtype == "BYTES" or spec.shape.count(-1) > 1:
        _refuse(
            f"header {oip_binary.HEADER}",
            "a raw tensor without JSON needs a model with one input of fixed-size elements and at most one axis of any size",
            "a JSON part before the binary data",
        )
    row = 1
    for axis in spec.shape:
        row *= abs(axis)
    row *= codec_json.ITEM_SIZE_BYTES[spec.dtype]
    shape = tuple(len(data) // row if axis == -1 else axis for axis in spec.shape)
    codec_json.check_shape(shape, spec, field)
    return {spec.name: oip_binary.tensor(spec.dtype, shape, data, field)}


def _outputs(manifest: Manifest, doc: dict[str, Any]) -> tuple[Wanted, ...]:
    default = _flag(_parameters(doc, "body"), "binary_data_output", False, "parameters")
    dtypes = {spec.name: spec.dtype for spec in manifest.outputs}
    rows = _objects(doc, "outputs") if doc.get("outputs") else [{"name": name} for name in dtypes]
    wanted: dict[str, Wanted] = {}
    for index, row in enumerate(rows):
        name = row["name"]
        if name not in dtypes:
            _refuse(f"outputs[{index}].name", f"the model has no output {name[:80]!r}", " or ".join(dtypes))
        if name in wanted:
            _refuse(f"outputs[{index}].name", f"output {name} is asked for twice", "each output once")
        parameters = _parameters(row, f"outputs.{name}")
        for key in ("classification", "shared_memory_region"):
            if parameters.get(key):
                _refuse(f"outputs.{name}.parameters.{key}", f"the {key} extension is not supported", "binary_data only")
        is_binary = _flag(parameters, "binary_data", default, f"outputs.{name}.parameters")
        if dtypes[name] in BINARY_ONLY and not is_binary:
            _refuse(
                f"outputs.{name}",
                f"output {name}: {dtypes[name]} cannot travel as JSON",
                "binary data: parameters.binary_data, or parameters.binary_data_output of the request",
            )
        wanted[name] = Wanted(name, is_binary)
    return tuple(wanted.values())
