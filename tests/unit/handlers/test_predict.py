"""POST /predict: which body becomes which tensors, and what the answer looks like."""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from mldeploy.handlers import codec_json, predict
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.message import Request
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import Tensor

TWO = [{"name": "a", "dtype": "FP32", "shape": [-1, 2]}, {"name": "b", "dtype": "INT64", "shape": []}]
IMAGE = {
    "kind": "image",
    "input": "x",
    "height": 2,
    "width": 3,
    "resize": "none",
    "resize_to": 3,
    "filter": "bilinear",
    "color": "RGB",
    "pad": 0,
    "decode": "exact",
}
PIXELS = [{"name": "x", "dtype": "UINT8", "shape": [-1, 2, 3, 3]}]
COLUMNS = {
    "kind": "tabular",
    "columns": [
        {"name": "age", "dtype": "FP32", "input": "x", "index": 0},
        {"name": "size", "dtype": "FP32", "input": "x", "index": 1},
    ],
}
ROWS = [{"name": "x", "dtype": "FP32", "shape": [-1, 2]}]


def _png() -> bytes:
    file = io.BytesIO()
    Image.frombytes("RGB", (3, 2), bytes(range(18))).save(file, "PNG")
    return file.getvalue()


def _upload(*files: bytes) -> bytes:
    head = b'--xyz\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'
    return b"".join(head + file + b"\r\n" for file in files) + b"--xyz--"


def _decode(manifest: Manifest, body: bytes | str, content_type: str | None = "application/json") -> dict[str, Tensor]:
    data = body.encode() if isinstance(body, str) else body
    headers = {} if content_type is None else {"content-type": content_type}
    return predict.decode_predict(manifest, None, Request("POST", "/predict", "", headers, data), data)


def _refusal(manifest: Manifest, body: bytes | str, content_type: str = "application/json") -> Problem:
    with pytest.raises(Problem) as caught:
        _decode(manifest, body, content_type)
    return caught.value


@pytest.fixture
def plain(make_manifest: Callable[..., Manifest]) -> Manifest:
    return make_manifest()


@pytest.fixture
def image(make_manifest: Callable[..., Manifest]) -> Manifest:
    return make_manifest(inputs=PIXELS, preprocess=IMAGE)


@pytest.fixture
def table(make_manifest: Callable[..., Manifest]) -> Manifest:
    return make_manifest(inputs=ROWS, preprocess=COLUMNS)


@pytest.mark.parametrize("inputs", ['{"x": [[1, 2, 3, 4]]}', "[[1, 2, 3, 4]]", "[1, 2, 3, 4]", '{"x": [1, 2, 3, 4]}'])
@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", None])
def test_one_input_in_its_forms(plain: Manifest, inputs: str, content_type: str | None) -> None:
    tensors = _decode(plain, f'{{"inputs": {inputs}}}', content_type)
    assert tensors == {"x": Tensor("FP32", (1, 4), struct.pack("<4f", 1, 2, 3, 4))}


def test_several_inputs_by_name(make_manifest: Callable[..., Manifest]) -> None:
    manifest = make_manifest(inputs=TWO)
    tensors = _decode(manifest, '{"inputs": {"b": 7, "a": [[1, 2], [3, 4]]}}')
    assert [(name, codec_json.nested(tensor)) for name, tensor in tensors.items()] == [("a", [[1, 2], [3, 4]]), ("b", 7)]
    assert _refusal(manifest, '{"inputs": [[1, 2]]}').detail == "the model has several inputs, and inputs is not an object"
    assert _refusal(manifest, '{"inputs": {"a": [1, 2]}}').field == "inputs.b"
    assert _refusal(manifest, '{"inputs": {"a": [1, 2], "b": 1, "c": 1}}').field == "inputs.c"
    assert _refusal(manifest, '{"inputs": {"a": [1, true], "b": 1}}').field == "inputs.a[1]"


@pytest.mark.parametrize(
    ("body", "slug", "field"),
    [
        ("", "invalid-json", "body"),
        ("{", "invalid-json", "body"),
        ("[]", "invalid-input", "body"),
        ("{}", "invalid-input", "body"),
        ('{"input": [1]}', "invalid-input", "body"),
        ('{"inputs": [1, 2, 3, 4], "params": 1}', "invalid-input", "params"),
        ('{"inputs": {"y": [1, 2, 3, 4]}}', "invalid-input", "inputs.y"),
        ('{"inputs": {}}', "invalid-input", "inputs.x"),
        ('{"inputs": null}', "invalid-input", "inputs"),
        ('{"inputs": {"b64": ""}}', "invalid-input", "inputs"),
    ],
)
def test_a_mistake_in_the_body_is_named(plain: Manifest, body: str, slug: str, field: str) -> None:
    problem = _refusal(plain, body)
    assert (problem.slug, problem.field) == (slug, field)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "image/png", "text/csv", "multipart/form-data; boundary=xyz", "application/x-www-form-urlencoded"],
)
def test_another_content_type_is_refused_with_those_that_are_taken(plain: Manifest, content_type: str) -> None:
    problem = _refusal(plain, '{"inputs": [1, 2, 3, 4]}', content_type)
    assert problem.status == 415
    assert problem.expected == "application/json"
    assert problem.headers == (("accept-post", "application/json"),)


def test_another_charset_is_refused(plain: Manifest, table: Manifest) -> None:
    assert _refusal(plain, "{}", "application/json; charset=utf-16").status == 415
    assert _refusal(table, "age,size\n1,2\n", "text/csv; charset=latin-1").status == 415


@pytest.mark.parametrize("content_type", ["image/png", "image/jpeg", "IMAGE/WEBP; x=y", "image/*", "application/octet-stream"])
def test_an_image_is_a_body(image: Manifest, content_type: str) -> None:
    assert _decode(image, _png(), content_type) == {"x": Tensor("UINT8", (1, 2, 3, 3), bytes(range(18)))}


def test_images_are_a_form_or_base64(image: Manifest) -> None:
    text = base64.b64encode(_png()).decode()
    one = {"x": Tensor("UINT8", (1, 2, 3, 3), bytes(range(18)))}
    assert _decode(image, _upload(_png()), "multipart/form-data; boundary=xyz") == one
    for value in (text, {"b64": text}, [text], {"x": text}, {"x": {"b64": text}}):
        assert _decode(image, json.dumps({"inputs": value})) == one
    assert _decode(image, _upload(_png(), _png()), "multipart/form-data; boundary=xyz")["x"].shape == (2, 2, 3, 3)


def test_an_image_of_another_kind_is_refused(image: Manifest) -> None:
    problem = _refusal(image, b"GIF89a", "image/gif")
    assert problem.status == 415
    assert "image/jpeg or image/png or image/webp" in problem.expected
    assert _refusal(image, b"GIF89a", "application/octet-stream").slug == "invalid-image"
    assert _refusal(image, "age\n1\n", "text/csv").status == 415
    assert _refusal(image, _upload(_png(), b"?"), "multipart/form-data; boundary=xyz").field == "file[1]"
    assert _refusal(image, b"--xyz--", "multipart/form-data; boundary=xyz").detail.startswith("body has 0 images")


def test_an_image_beside_other_inputs_is_json(make_manifest: Callable[..., Manifest]) -> None:
    manifest = make_manifest(inputs=[*PIXELS, TWO[1]], preprocess=IMAGE)
    text = base64.b64encode(_png()).decode()
    tensors = _decode(manifest, json.dumps({"inputs": {"x": text, "b": 3}}))
    assert (tensors["x"].shape, codec_json.nested(tensors["b"])) == ((1, 2, 3, 3), 3)
    assert _refusal(manifest, _png(), "image/png").status == 415


def test_a_table_is_json_csv_or_a_form(table: Manifest) -> None:
    wanted = {"x": Tensor("FP32", (1, 2), struct.pack("<2f", 41, 1.5))}
    csv = b"size,age\n1.5,41\n"
    assert _decode(table, '{"inputs": {"age": 41, "size": 1.5}}') == wanted
    assert _decode(table, csv, "text/csv") == wanted
    assert _decode(table, _upload(csv), "multipart/form-data; boundary=xyz") == wanted
    assert _refusal(table, _upload(csv, csv), "multipart/form-data; boundary=xyz").detail == "the upload has 2 files"
    assert _refusal(table, csv, "application/octet-stream").expected == "application/json or text/csv or multipart/form-data"


def test_the_answer_has_every_output(make_manifest: Callable[..., Manifest]) -> None:
    outputs = [{"name": "y", "dtype": "FP32", "shape": [-1, 2]}, {"name": "n", "dtype": "INT64", "shape": [-1]}]
    manifest = make_manifest(outputs=outputs)
    answer = {
        "n": Tensor("INT64", (1,), struct.pack("<q", 7)),
        "y": Tensor("FP32", (1, 2), struct.pack("<2f", 0.5, float("nan"))),
    }
    assert predict.encode_predict(manifest, None, answer) == b'{"model":"digits","outputs":{"y":[[0.5,null]],"n":[7]}}'


@pytest.mark.parametrize(
    ("labels", "first"),
    [
        (["no", "yes"], {"label": "yes", "index": 1, "score": 0.75}),
        ([], {"index": 1, "score": 0.75}),
        (["only"], {"label": "1", "index": 1, "score": 0.75}),
    ],
)
def test_the_best_classes_have_labels(make_manifest: Callable[..., Manifest], labels: list[str], first: dict[str, Any]) -> None:
    manifest = make_manifest(top_k={"k": 2, "indices": "i", "scores": "s"}, labels=labels)
    answer = {
        "i": Tensor("INT64", (1, 2), struct.pack("<2q", 1, 0)),
        "s": Tensor("FP32", (1, 2), struct.pack("<2f", 0.75, 0.25)),
    }
    doc = json.loads(predict.encode_predict(manifest, None, answer))
    assert list(doc) == ["model", "predictions"]
    assert doc["predictions"][0][0] == first
    assert doc["predictions"][0][1]["index"] == 0
