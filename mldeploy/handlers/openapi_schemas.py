"""JSON Schemas of a bundle's requests and answers, for /openapi.json.

They say what the decoders enforce: lengths of fixed axes, ranges of integer dtypes, all columns and no other. NaN and the
infinities have no JSON form, so that a float of an answer may be null.
"""

from __future__ import annotations

from typing import Any

from mldeploy.handlers import sample
from mldeploy.handlers.manifest import ImagePreprocess, Manifest, TabularPreprocess
from mldeploy.handlers.problems import PROBLEMS, TYPE_PREFIX
from mldeploy.handlers.tensor import TensorSpec

Schema = dict[str, Any]

# Where rounding to the nearest value of the dtype would give infinity: such numbers are refused. No double is beyond FP64.
_FLOAT_LIMIT = {"FP16": 65520.0, "BF16": 3.3961775292304801e38, "FP32": 3.4028235677973366e38, "FP64": None}


def scalar(dtype: str) -> Schema:
    """One element of a request."""
    if dtype == "BOOL":
        return {"type": "boolean"}
    if dtype == "BYTES":
        return {"type": "string"}
    if dtype in _FLOAT_LIMIT:
        limit = _FLOAT_LIMIT[dtype]
        return (
            {"type": "number"} if limit is None else {"type": "number", "exclusiveMinimum": -limit, "exclusiveMaximum": limit}
        )
    bits = int(dtype.removeprefix("U").removeprefix("INT"))
    if dtype.startswith("U"):
        return {"type": "integer", "minimum": 0, "maximum": 2**bits - 1}
    return {"type": "integer", "minimum": -(2 ** (bits - 1)), "maximum": 2 ** (bits - 1) - 1}


def nested(element: Schema, shape: tuple[int, ...], shortest: int = 1) -> Schema:
    """Nested arrays of a shape; a dynamic axis takes any length from `shortest` on."""
    schema = element
    for axis in reversed(shape):
        bounds = {"minItems": shortest} if axis == -1 else {"minItems": axis, "maxItems": axis}
        schema = {"type": "array", "items": schema, **bounds}
    return schema


def tensor(spec: TensorSpec) -> Schema:
    """A tensor of a request: with the batch axis, or one row without it where that axis is dynamic."""
    whole = nested(scalar(spec.dtype), spec.shape)
    if spec.shape[:1] == (-1,):
        return {"anyOf": [whole, nested(scalar(spec.dtype), spec.shape[1:])]}
    return whole


def inputs(manifest: Manifest) -> Schema:
    """What `{"inputs": …}` takes."""
    if sample.takes_raw_inputs(manifest):
        return {"description": "whatever the model's own preprocess hook reads"}
    match manifest.preprocess:
        case ImagePreprocess() as image:
            one = _image()
            others = [spec for spec in manifest.inputs if spec.name != image.input]
            named = _object({image.input: one, **{spec.name: tensor(spec) for spec in others}})
            return named if others else {"anyOf": [*one["anyOf"], named]}
        case TabularPreprocess() as table:
            return _table(table)
    named = _object({spec.name: tensor(spec) for spec in manifest.inputs})
    if len(manifest.inputs) > 1:
        return named
    return {"anyOf": [named, *(tensor(spec) for spec in manifest.inputs)]}


def _object(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _image() -> Schema:
    text = {"type": "string", "contentEncoding": "base64", "description": "a JPEG, PNG or WebP file in base64"}
    one = {"anyOf": [text, _object({"b64": text})]}
    return {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}]}


def _table(table: TabularPreprocess) -> Schema:
    row = _object({column.name: scalar(column.dtype) for column in table.columns})
    columns = _object({column.name: nested(scalar(column.dtype), (-1,)) for column in table.columns})
    return {"anyOf": [row, {"type": "array", "items": row, "minItems": 1}, columns]}


def predict_request(manifest: Manifest) -> Schema:
    """The JSON body of POST /predict."""
    return _object({"inputs": inputs(manifest)})


def predict_answer(manifest: Manifest) -> Schema:
    """The JSON answer of POST /predict."""
    model: Schema = {"type": "string", "const": manifest.name}
    if sample.takes_raw_inputs(manifest):
        return {"type": "object", "properties": {"model": model}, "required": ["model"]}
    if manifest.top_k is None:
        outputs = _object({spec.name: nested(_answer_scalar(spec.dtype), _open(spec.shape), 0) for spec in manifest.outputs})
        return _object({"model": model, "outputs": outputs})
    best = {"index": {"type": "integer", "minimum": 0}, "score": _answer_scalar("FP32")}
    if manifest.labels:
        best = {"label": {"type": "string"}, **best}
    row = {"type": "array", "items": _object(best), "maxItems": manifest.top_k.k}
    return _object({"model": model, "predictions": {"type": "array", "items": row}})


def _open(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The same rank, every axis of any size: a model may declare sizes that it does not keep."""
    return (-1,) * len(shape)


def _answer_scalar(dtype: str) -> Schema:
    if dtype in _FLOAT_LIMIT:
        return {"type": ["number", "null"]}
    return {"type": {"BOOL": "boolean", "BYTES": "string"}.get(dtype, "integer")}


def oip_request(manifest: Manifest) -> Schema:
    """The JSON body of an Open Inference Protocol request."""
    parameters = {"type": "object", "additionalProperties": True}
    tensors = [
        {
            "type": "object",
            "properties": {
                "name": {"type": "string", "const": spec.name},
                "shape": {
                    "type": "array",
                    "prefixItems": [
                        {"type": "integer", "minimum": 1} if axis == -1 else {"const": axis} for axis in spec.shape
                    ],
                    "minItems": len(spec.shape),
                    "maxItems": len(spec.shape),
                },
                "datatype": {"type": "string", "const": spec.dtype},
                "data": {"type": "array", "description": "the elements, flat or nested, in row-major order"},
                "parameters": parameters,
            },
            "required": ["name", "shape", "datatype"],
        }
        for spec in manifest.inputs
    ]
    name = {"enum": [spec.name for spec in manifest.outputs]}
    output = {"type": "object", "properties": {"name": name, "parameters": parameters}, "required": ["name"]}
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "parameters": parameters,
            "inputs": {
                "type": "array",
                "items": {"oneOf": tensors} if len(tensors) > 1 else tensors[0],
                "minItems": len(tensors),
                "maxItems": len(tensors),
            },
            "outputs": {"type": "array", "items": output},
        },
        "required": ["inputs"],
    }


def oip_answer(manifest: Manifest) -> Schema:
    """The JSON answer (or the JSON part of it) of an Open Inference Protocol request."""
    output = {
        "type": "object",
        "properties": {
            "name": {"enum": [spec.name for spec in manifest.outputs]},
            "datatype": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "data": {"type": "array"},
            "parameters": {"type": "object"},
        },
        "required": ["name", "datatype", "shape"],
    }
    return {
        "type": "object",
        "properties": {
            "model_name": {"const": manifest.name},
            "model_version": {"const": "1"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": output},
        },
        "required": ["model_name", "model_version", "outputs"],
    }


def problem() -> Schema:
    """An RFC 9457 problem document; `error` repeats the detail on /v2 routes, where Triton's clients look for it."""
    return {
        "type": "object",
        "properties": {
            "type": {"enum": [TYPE_PREFIX + slug for slug in PROBLEMS]},
            "title": {"type": "string"},
            "status": {"enum": sorted({status for status, _ in PROBLEMS.values()})},
            "detail": {"type": "string"},
            "field": {"type": "string", "description": "the part of the request that is meant"},
            "expected": {"type": "string", "description": "what would have been right"},
            "instance": {"type": "string", "description": "names the request in the log"},
            "error": {"type": "string"},
        },
        "required": ["type", "title", "status", "detail"],
    }
