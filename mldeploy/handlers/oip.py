"""The Open Inference Protocol v2 for the one model of a bundle: metadata documents and inference.

    Request ─oip_request.read─▶ Asked ─run─▶ {name: Tensor} ─▶ Response        JSON, or JSON + binary data

It is typed and bypasses the user's pre- and postprocess hooks: tensors go in and out as the packed graph declares them (an
image bundle takes uint8 [N, height, width, channels]; a top-k bundle answers `indices` and `scores`). Routing, health and
authorisation are the core's. Every error is a Problem.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mldeploy.handlers import codec_json, oip_binary, oip_request
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.message import Request, Response
from mldeploy.handlers.tensor import Tensor, TensorSpec

SERVER_NAME = "mldeploy"
EXTENSIONS = ("binary_tensor_data",)
MODEL_VERSION = "1"
PLATFORMS = {"onnx": "onnxruntime_onnx", "sklearn": "sklearn", "python": "python"}

Run = Callable[[dict[str, Tensor]], dict[str, Tensor]]


def server_metadata(manifest: Manifest) -> dict[str, Any]:
    """The answer of GET /v2. The version is that of the bundle's packer, when it says so."""
    return {"name": SERVER_NAME, "version": str(manifest.raw.get("mldeploy", "0")), "extensions": list(EXTENSIONS)}


def model_metadata(manifest: Manifest) -> dict[str, Any]:
    """The answer of GET /v2/models/{name}. An axis of any size is -1."""
    return {
        "name": manifest.name,
        "versions": [MODEL_VERSION],
        "platform": PLATFORMS.get(manifest.format, manifest.format),
        "inputs": [_describe(spec) for spec in manifest.inputs],
        "outputs": [_describe(spec) for spec in manifest.outputs],
    }


def _describe(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.dtype, "shape": list(spec.shape)}


def infer(manifest: Manifest, run: Run, request: Request) -> Response:
    """Answer an inference request. `run` takes every input and gives every output. Raises Problem."""
    asked = oip_request.read(manifest, request)
    return _answer(manifest, asked, run(asked.inputs))


def _answer(manifest: Manifest, asked: oip_request.Asked, outputs: dict[str, Tensor]) -> Response:
    doc: dict[str, Any] = {"model_name": manifest.name, "model_version": MODEL_VERSION}
    if asked.id is not None:
        doc["id"] = asked.id
    rows = doc["outputs"] = []
    chunks: list[bytes] = []
    for name, is_binary in asked.outputs:
        value = outputs[name]
        row: dict[str, Any] = {"name": name, "datatype": value.dtype, "shape": list(value.shape)}
        if is_binary:
            chunks.append(oip_binary.raw(value))
            row["parameters"] = {"binary_data_size": len(chunks[-1])}
        else:
            row["data"] = codec_json.flat(value)
        rows.append(row)
    head = codec_json.dumps(doc)
    if not chunks:
        return Response(200, (("content-type", "application/json"),), head)
    headers = (("content-type", "application/octet-stream"), (oip_binary.HEADER, str(len(head))))
    return Response(200, headers, b"".join((head, *chunks)))
