"""The Open Inference Protocol v2, request by request, through the runtime's core and a real engine."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.handlers import oip, oip_binary
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.message import Request, Response
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import Tensor

Runtimes = Callable[[str], Runtime]
NUMPY = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP32": np.float32,
    "FP64": np.float64,
}
X: dict[str, Any] = {"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}


def post(runtime: Runtime, doc: Any, binary: bytes = b"", headers: dict[str, str] | None = None, version: str = "") -> Response:
    head = doc if isinstance(doc, bytes) else json.dumps(doc).encode()
    headers = {"inference-header-content-length": str(len(head))} | (headers or {}) if binary else headers or {}
    path = f"/v2/models/{runtime.manifest.name}{version}/infer"
    return runtime.handle(Request("POST", path, "", headers, head + binary))


def answer(response: Response) -> dict[str, Any]:
    assert response.status == 200, response.body
    return dict(json.loads(response.body))


def refusal(response: Response) -> dict[str, Any]:
    doc = dict(json.loads(response.body))
    assert dict(response.headers)["content-type"] == "application/problem+json"
    assert doc["status"] == response.status
    assert doc["error"].startswith(doc["detail"])
    return doc


def binary_answer(response: Response) -> tuple[dict[str, Any], bytes]:
    assert response.status == 200, response.body
    headers = dict(response.headers)
    assert headers["content-type"] == "application/octet-stream"
    length = int(headers["inference-header-content-length"])
    return json.loads(response.body[:length]), response.body[length:]


def test_metadata(runtime: Runtimes) -> None:
    plain = runtime("plain")
    server = oip.server_metadata(plain.manifest)
    assert server["name"] == "mldeploy"
    assert "binary_tensor_data" in server["extensions"]
    assert oip.model_metadata(plain.manifest) == {
        "name": "plain",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    }


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]], ids=["flat", "nested"])
@pytest.mark.parametrize("version", ["", "/versions/1"])
def test_json_tensors_flat_or_nested(runtime: Runtimes, data: list[Any], version: str) -> None:
    doc = {"id": "7", "inputs": [X | {"shape": [2, 3], "data": data}]}
    assert answer(post(runtime("plain"), doc, version=version)) == {
        "model_name": "plain",
        "model_version": "1",
        "id": "7",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 2], "data": [4.0, 5.0, 10.0, 11.0]}],
    }


def test_no_id_no_id(runtime: Runtimes) -> None:
    assert "id" not in answer(post(runtime("plain"), {"inputs": [X]}))


@pytest.mark.parametrize("dtype", NUMPY)
def test_every_dtype_both_ways(runtime: Runtimes, dtype: str) -> None:
    low = np.array([[0, 1], [1, 0]], NUMPY[dtype])
    if dtype not in ("BOOL", "FP32", "FP64"):
        info = np.iinfo(NUMPY[dtype])
        low = np.array([[info.min, info.max], [1, 0]], NUMPY[dtype])
    tensor = {"name": "x", "shape": [2, 2], "datatype": dtype}
    one = runtime(f"identity-{dtype}")
    told = answer(post(one, {"inputs": [tensor | {"data": low.tolist()}]}))["outputs"][0]
    assert told == {"name": "y", "datatype": dtype, "shape": [2, 2], "data": low.ravel().tolist()}
    raw = low.tobytes()
    doc = {
        "inputs": [tensor | {"parameters": {"binary_data_size": len(raw)}}],
        "parameters": {"binary_data_output": True},
    }
    head, tail = binary_answer(post(one, doc, raw))
    assert head["outputs"] == [{"name": "y", "datatype": dtype, "shape": [2, 2], "parameters": {"binary_data_size": len(raw)}}]
    assert tail == raw


def several(**changes: Any) -> tuple[dict[str, Any], bytes]:
    """A request with JSON, fixed-size and BYTES binary tensors mixed; names are b"a\xc3\xa9" and b""."""
    names = struct.pack("<I", 3) + "aé".encode() + struct.pack("<I", 0)
    half = np.array([0.5], np.float16).tobytes()
    inputs = [
        {"name": "h", "shape": [1], "datatype": "FP16", "parameters": {"binary_data_size": 2}},
        {"name": "a", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]},
        {"name": "names", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": len(names)}},
        {"name": "b", "shape": [2], "datatype": "FP64", "data": [10, 20]},
        {"name": "flag", "shape": [2], "datatype": "BOOL", "parameters": {"binary_data_size": 2}},
    ]
    return {"inputs": inputs, "parameters": {"binary_data_output": True}} | changes, half + names + b"\x01\x00"


def test_mixed_inputs_and_binary_outputs(runtime: Runtimes) -> None:
    doc, binary = several()
    head, tail = binary_answer(post(runtime("several"), doc, binary))
    assert [(row["name"], row["parameters"]["binary_data_size"]) for row in head["outputs"]] == [
        ("total", 16),
        ("same", 11),
        ("flipped", 2),
        ("half", 2),
    ]
    assert tail == np.array([11.0, 22.0]).tobytes() + binary[2:13] + b"\x00\x01" + binary[:2]


def test_wanted_outputs_keep_their_order_and_form(runtime: Runtimes) -> None:
    wanted = [
        {"name": "flipped", "parameters": {"binary_data": False}},
        {"name": "total", "parameters": {"binary_data": True}},
    ]
    doc, binary = several(outputs=wanted)
    head, tail = binary_answer(post(runtime("several"), doc, binary))
    assert head["outputs"] == [
        {"name": "flipped", "datatype": "BOOL", "shape": [2], "data": [False, True]},
        {"name": "total", "datatype": "FP64", "shape": [1, 2], "parameters": {"binary_data_size": 16}},
    ]
    assert tail == np.array([11.0, 22.0]).tobytes()


def test_a_body_that_is_one_raw_tensor(runtime: Runtimes) -> None:
    raw = np.arange(6, dtype=np.float32).tobytes()
    response = post(runtime("plain"), b"", raw, {"inference-header-content-length": "0"})
    head, tail = binary_answer(response)
    assert head["outputs"][0]["shape"] == [2, 2]
    assert np.frombuffer(tail, np.float32).tolist() == [2, 3, 8, 9]


def test_answers_that_json_cannot_hold_are_null(runtime: Runtimes) -> None:
    tensor = {"name": "x", "shape": [3], "datatype": "FP32", "data": [-1, 0, 1]}
    assert answer(post(runtime("nan"), {"inputs": [tensor]}))["outputs"][0]["data"] == [None, None, 0.0]


def test_image_bundle_takes_pixels(runtime: Runtimes) -> None:
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    pixels[0, ..., 1] = pixels[1, ..., 2] = 255
    tensor = {"name": "pixels", "shape": [2, 8, 8, 3], "datatype": "UINT8", "parameters": {"binary_data_size": pixels.size}}
    rows = {row["name"]: row for row in answer(post(runtime("colour"), {"inputs": [tensor]}, pixels.tobytes()))["outputs"]}
    assert rows["indices"]["shape"] == [2, 2]
    assert rows["indices"]["data"][::2] == [1, 2]
    assert all(score > 0.9 for score in rows["scores"]["data"][::2])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "z"}, "inputs[0].name"),
        ({"name": None}, "inputs[0]"),
        ({"datatype": "FP64"}, "inputs.x.datatype"),
        ({"datatype": None}, "inputs.x.datatype"),
        ({"shape": [1, 4], "data": [1, 2, 3, 4]}, "inputs.x.shape"),
        ({"shape": [3]}, "inputs.x.shape"),
        ({"shape": [0, 3], "data": []}, "inputs.x.shape"),
        ({"shape": [-1, 3]}, "inputs.x.shape"),
        ({"shape": [True, 3]}, "inputs.x.shape"),
        ({"shape": "1,3"}, "inputs.x.shape"),
        ({"shape": [10**15, 3]}, "inputs.x.data"),
        ({"shape": [10**30, 3]}, "inputs.x.shape"),
        ({"data": [1, 2]}, "inputs.x.data"),
        ({"data": [1, 2, "three"]}, "inputs.x.data[2]"),
        ({"data": [[1, 2], [3]]}, "inputs.x.data"),
        ({"data": 1}, "inputs.x.data"),
        ({"data": None}, "inputs.x.data"),
        ({"data": [1, 2, 1e39]}, "inputs.x.data[2]"),
        ({"parameters": []}, "inputs.x.parameters"),
        ({"parameters": {"shared_memory_region": "r"}}, "inputs.x.parameters.shared_memory_region"),
        ({"parameters": {"binary_data_size": 12}}, "inputs.x.data"),
    ],
    ids=str,
)
def test_wrong_tensor_is_named(runtime: Runtimes, change: dict[str, Any], field: str) -> None:
    doc = refusal(post(runtime("plain"), {"inputs": [X | change]}))
    assert doc["status"] == 422
    assert doc["field"].startswith(field)


@pytest.mark.parametrize(
    ("doc", "status", "field"),
    [
        ([], 422, "body"),
        ({}, 422, "inputs"),
        ({"inputs": {}}, 422, "inputs"),
        ({"inputs": []}, 422, "inputs.x"),
        ({"inputs": [1]}, 422, "inputs[0]"),
        ({"inputs": [X, X]}, 422, "inputs.x"),
        ({"inputs": [X], "id": 7}, 422, "id"),
        ({"inputs": [X], "parameters": 7}, 422, "body.parameters"),
        ({"inputs": [X], "parameters": {"binary_data_output": 1}}, 422, "parameters.binary_data_output"),
        ({"inputs": [X], "outputs": [{"name": "z"}]}, 422, "outputs[0].name"),
        ({"inputs": [X], "outputs": [{"name": "y"}, {"name": "y"}]}, 422, "outputs[1].name"),
        ({"inputs": [X], "outputs": [{}]}, 422, "outputs[0]"),
        ({"inputs": [X], "outputs": 3}, 422, "outputs"),
        (
            {"inputs": [X], "outputs": [{"name": "y", "parameters": {"binary_data": "yes"}}]},
            422,
            "outputs.y.parameters.binary_data",
        ),
        (
            {"inputs": [X], "outputs": [{"name": "y", "parameters": {"classification": 2}}]},
            422,
            "outputs.y.parameters.classification",
        ),
        ({"inputs": [{k: v for k, v in X.items() if k != "data"}]}, 422, "inputs.x.data"),
        (b'{"inputs": ', 400, "body"),
        (b'{"inputs": [NaN]}', 400, "body"),
        (b"\xff\xfe", 400, "body"),
        (b"", 400, "body"),
    ],
    ids=str,
)
def test_wrong_request_is_named(runtime: Runtimes, doc: Any, status: int, field: str) -> None:
    found = refusal(post(runtime("plain"), doc))
    assert (found["status"], found["field"]) == (status, field)


@pytest.mark.parametrize("length", ["x", "-1", "99999", "٣", "1" * 30, " 3"])
def test_wrong_header_length(runtime: Runtimes, length: str) -> None:
    doc = refusal(post(runtime("plain"), {"inputs": [X]}, headers={"inference-header-content-length": length}))
    assert doc["status"] == 400
    assert doc["field"] == "header inference-header-content-length"


@pytest.mark.parametrize(
    ("size", "binary", "field"),
    [
        (12, b"\0" * 11, "inputs.x.parameters.binary_data_size"),
        (12, b"\0" * 13, "body"),
        (8, b"\0" * 8, "inputs.x"),
        (-1, b"\0", "inputs.x.parameters.binary_data_size"),
        ("12", b"\0" * 12, "inputs.x.parameters.binary_data_size"),
        (True, b"\0" * 12, "inputs.x.parameters.binary_data_size"),
    ],
)
def test_binary_data_that_does_not_add_up(runtime: Runtimes, size: Any, binary: bytes, field: str) -> None:
    tensor = {"name": "x", "shape": [1, 3], "datatype": "FP32", "parameters": {"binary_data_size": size}}
    doc = refusal(post(runtime("plain"), {"inputs": [tensor]}, binary))
    assert (doc["status"], doc["field"]) == (422, field)


@pytest.mark.parametrize("raw", [b"\0" * 13, b"", b"\0" * 4], ids=len)
def test_raw_tensor_of_no_whole_number_of_rows(runtime: Runtimes, raw: bytes) -> None:
    doc = refusal(post(runtime("plain"), raw, headers={"inference-header-content-length": "0"}))
    assert (doc["status"], doc["field"]) == (422, "inputs.x")


@pytest.mark.parametrize("name", ["several", "identity-BYTES"])
def test_raw_tensor_needs_one_plain_input(runtime: Runtimes, name: str) -> None:
    doc = refusal(post(runtime(name), b"\0" * 8, headers={"inference-header-content-length": "0"}))
    assert doc["field"] == "header inference-header-content-length"


def test_half_precision_only_as_binary(runtime: Runtimes) -> None:
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP16"}
    one = runtime("identity-FP16")
    assert (
        refusal(post(one, {"inputs": [tensor | {"data": [1, 2]}], "parameters": {"binary_data_output": True}}))["field"]
        == "inputs.x"
    )
    binary = tensor | {"parameters": {"binary_data_size": 4}}
    assert refusal(post(one, {"inputs": [binary]}, b"\0" * 4))["field"] == "outputs.y"
    doc = {"inputs": [binary], "outputs": [{"name": "y", "parameters": {"binary_data": True}}]}
    assert binary_answer(post(one, doc, b"\0<\0@"))[1] == b"\0<\0@"


def test_bool_bytes_are_zero_or_one(runtime: Runtimes) -> None:
    tensor = {"name": "x", "shape": [1, 2], "datatype": "BOOL", "parameters": {"binary_data_size": 2}}
    assert refusal(post(runtime("identity-BOOL"), {"inputs": [tensor]}, b"\0\2"))["field"] == "inputs.x"


@pytest.mark.parametrize(
    "kind", ["text/csv", "image/png", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
def test_wrong_content_type(runtime: Runtimes, kind: str) -> None:
    doc = refusal(post(runtime("plain"), {"inputs": [X]}, headers={"content-type": kind}))
    assert (doc["status"], doc["field"]) == (415, "header content-type")


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/octet-stream", ""])
def test_right_content_type(runtime: Runtimes, kind: str) -> None:
    assert post(runtime("plain"), {"inputs": [X]}, headers={"content-type": kind}).status == 200


def test_unknown_model_and_version(runtime: Runtimes) -> None:
    for path in ("/v2/models/other/infer", "/v2/models/plain/versions/2/infer"):
        assert refusal(runtime("plain").handle(Request("POST", path, "", {}, b"{}")))["status"] == 404


def test_identical_requests_have_identical_bodies(runtime: Runtimes) -> None:
    assert len({post(runtime("plain"), {"inputs": [X]}).body for _ in range(3)}) == 1


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_elements_round_trip(values: list[bytes]) -> None:
    raw = oip_binary.raw(Tensor("BYTES", (len(values),), values))
    assert oip_binary.elements(raw, len(values), "x") == values


@given(st.binary(max_size=64), st.integers(0, 8))
def test_any_bytes_are_elements_or_a_problem(data: bytes, count: int) -> None:
    try:
        values = oip_binary.elements(data, count, "x")
    except Problem:
        return
    assert len(values) == count
    assert oip_binary.raw(Tensor("BYTES", (count,), values)) == data


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(["name", "shape", "datatype", "data", "parameters", "inputs", "outputs", "id", "binary_data_size"]),
            children,
        )
    ),
    max_leaves=20,
)


@given(
    json_values | st.builds(lambda change: {"inputs": [X | change]}, st.dictionaries(st.sampled_from(list(X)), json_values)),
    st.binary(max_size=16),
)
def test_any_json_is_answered_or_refused(runtime: Runtimes, doc: Any, binary: bytes) -> None:
    response = post(runtime("plain"), doc, binary)
    assert response.status in (200, 400, 422)
    assert json.loads(response.body[: int(dict(response.headers).get("inference-header-content-length", len(response.body)))])
