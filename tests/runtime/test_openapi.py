"""The OpenAPI document: valid, complete, and its examples work when they are sent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis

from mldeploy.handlers import openapi, sample
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.manifest import read
from mldeploy.handlers.message import Request
from mldeploy.handlers.problems import PROBLEMS

Runtimes = Callable[[str], Runtime]
BUNDLES = [
    "plain",
    "several",
    "colour",
    "table",
    "digits",
    "nan",
    "hostile",
    "identity-BYTES",
    "identity-UINT8",
    "mixed",
    "hooked",
]
CONFIG = ServingConfig()


def document(runtime: Runtime) -> dict[str, Any]:
    response = runtime.handle(Request("GET", "/openapi.json", "", {}, b""))
    assert response.status == 200
    return dict(json.loads(response.body))


def matches(doc: dict[str, Any], name: str, value: Any) -> bool:
    """Whether the value fits the component schema."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": doc["components"]}
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


@pytest.mark.parametrize("name", BUNDLES)
def test_document_is_valid_openapi(bundle: Callable[[str], Path], name: str) -> None:
    doc = openapi.document(read(bundle(name)), CONFIG)
    schemathesis.openapi.from_dict(doc).validate()
    for schema in doc["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_route_of_the_runtime_is_listed(runtime: Runtimes) -> None:
    plain = runtime("plain")
    listed = {path: {method.upper() for method in item} for path, item in document(plain)["paths"].items()}
    assert listed == {path: {route.method} for path, route in plain._routes.items()}


@pytest.mark.parametrize("name", [name for name in BUNDLES if name != "hooked"])
def test_examples_work(runtime: Runtimes, name: str) -> None:
    one = runtime(name)
    doc = document(one)
    sent = 0
    for path, item in doc["paths"].items():
        for media, body in item.get("post", {"requestBody": {"content": {}}})["requestBody"]["content"].items():
            if "example" not in body:
                continue
            text = body["example"] if media == "text/csv" else json.dumps(body["example"])
            target = f"/v2/models/{one.manifest.name}/infer" if path.endswith("/infer") else path
            response = one.handle(Request("POST", target, "", {"content-type": media}, text.encode()))
            assert response.status == 200, (path, media, response.body)
            kind = "InferAnswer" if path.endswith("/infer") else "PredictAnswer"
            assert matches(doc, kind, json.loads(response.body))
            if media == "application/json":
                assert matches(doc, kind.replace("Answer", "Request"), body["example"])
            sent += 1
    assert sent


@pytest.mark.parametrize("name", ["colour", "mixed"])
def test_sample_picture_is_taken(runtime: Runtimes, name: str) -> None:
    """Of the model's own size where nothing is resized."""
    one = runtime(name)
    assert one.manifest.preprocess is not None
    response = one.handle(Request("POST", "/predict", "", {}, json.dumps({"inputs": sample.inputs(one.manifest)}).encode()))
    assert response.status == 200, response.body


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("plain", [[1, 2, 3]], True),
        ("plain", [1, 2, 3], True),
        ("plain", {"x": [[1, 2, 3]]}, True),
        ("plain", [[1, 2]], False),
        ("plain", [], False),
        ("plain", [[1, 2, "3"]], False),
        ("plain", [[1, 2, True]], False),
        ("plain", [[1, 2, 1e39]], False),
        ("plain", [[1, 2, None]], False),
        ("identity-UINT8", [[0, 255.0]], True),
        ("identity-UINT8", [[0, 256]], False),
        ("identity-UINT8", [[0, 0.5]], False),
        ("identity-INT64", [[-(2**63), 2**63 - 1]], True),
        ("identity-BOOL", [[True, False]], True),
        ("identity-BOOL", [[1, 0]], False),
        ("identity-FP64", [[1e308, -5]], True),
        ("identity-FP16", [[65519, 0]], True),
        ("identity-FP16", [[65520, 0]], False),
        ("table", {"price": 1, "count": 2, "shop, or web": "a"}, True),
        ("table", [{"price": 1, "count": 2, "shop, or web": "a"}] * 2, True),
        ("table", {"price": [1], "count": [2], "shop, or web": ["a"]}, True),
        ("table", {"price": 1, "count": 2}, False),
        ("table", {"price": 1, "count": 2, "shop, or web": "a", "more": 1}, False),
        ("colour", 7, False),
        ("several", [1], False),
    ],
)
def test_schema_and_decoder_agree(runtime: Runtimes, name: str, value: Any, fits: bool) -> None:
    one = runtime(name)
    body = {"inputs": value}
    assert matches(document(one), "PredictRequest", body) is fits
    response = one.handle(Request("POST", "/predict", "", {}, json.dumps(body).encode()))
    assert response.status == (200 if fits else 422), response.body


def test_hooks_take_anything(bundle: Callable[[str], Path]) -> None:
    doc = openapi.document(read(bundle("hooked")), CONFIG)
    content = doc["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "*/*"}
    assert "example" not in content["application/json"]
    assert matches(doc, "PredictRequest", {"inputs": "a sentence"})
    assert matches(doc, "PredictAnswer", {"model": "hooked", "outputs": {"mood": "good"}})


def test_large_tensors_have_no_example(bundle: Callable[[str], Path]) -> None:
    wide = read(bundle("plain"))
    wide = wide._replace(inputs=(wide.inputs[0]._replace(shape=(-1, 3, 224, 224)),))
    doc = openapi.document(wide, CONFIG)
    assert len(json.dumps(doc)) < 100_000
    for path in ("/predict", "/v2/models/plain/infer"):
        assert "example" not in doc["paths"][path]["post"]["requestBody"]["content"]["application/json"]


def test_best_classes_with_and_without_labels(bundle: Callable[[str], Path]) -> None:
    labelled = read(bundle("colour"))
    best = {"index": 2, "score": 0.9}
    named = {"model": "colour", "predictions": [[{"label": "blue", **best}]]}
    bare = {"model": "colour", "predictions": [[best]]}
    for manifest, fits, fails in ((labelled, named, bare), (labelled._replace(labels=()), bare, named)):
        doc = openapi.document(manifest, CONFIG)
        assert matches(doc, "PredictAnswer", fits)
        assert not matches(doc, "PredictAnswer", fails)


def test_bfloat16_is_described(bundle: Callable[[str], Path]) -> None:
    brain = read(bundle("plain"))
    brain = brain._replace(inputs=(brain.inputs[0]._replace(dtype="BF16", shape=(3,)),))
    doc = openapi.document(brain, CONFIG)
    assert matches(doc, "PredictRequest", {"inputs": [0, 1, 3.39e38]})
    assert not matches(doc, "PredictRequest", {"inputs": [0, 1, 3.4e38]})
    assert not matches(doc, "PredictRequest", {"inputs": [[0, 1, 2]]})


def test_the_key_is_a_security_scheme(bundle: Callable[[str], Path]) -> None:
    plain = read(bundle("plain"))
    assert "securitySchemes" not in openapi.document(plain, CONFIG)["components"]
    doc = openapi.document(plain, CONFIG._replace(access="key", api_key="k"))
    assert set(doc["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    for path, item in doc["paths"].items():
        for operation in item.values():
            is_open = path in ("/", "/v2/health/live", "/v2/health/ready")
            assert ("security" in operation) is not is_open, path
            assert ("401" in operation["responses"]) is not is_open, path


def test_every_problem_is_declared_somewhere(bundle: Callable[[str], Path]) -> None:
    """All but the two that a declared operation cannot meet."""
    text = json.dumps(openapi.document(read(bundle("colour")), CONFIG._replace(access="key", api_key="k"))["paths"])
    assert {slug for slug in PROBLEMS if f"({slug})" not in text} == {"not-found", "method-not-allowed"}


def test_csv_sample_quotes_what_needs_it(bundle: Callable[[str], Path]) -> None:
    manifest = read(bundle("table"))
    assert manifest.preprocess is not None
    assert sample.csv(manifest.preprocess.columns) == 'price,count,"shop, or web"\n0.0,0.0,""\n'  # type: ignore[union-attr]


# What a run of generated requests may not find: an undeclared status, a wrong content type or schema, a 5xx, a method that is
# taken but not declared, a request that breaks the schema and is answered. Each also checks 405 and its Allow header.
ST_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,allow_header_conformance"
)


def run_schemathesis(url: str, folder: Path, *options: str) -> None:
    """Deterministic, bounded; what it found is the assertion's message."""
    program = "from schemathesis.cli import schemathesis; schemathesis()"
    command = [sys.executable, "-c", program, "run", f"{url}/openapi.json", "--generation-deterministic", "--no-color"]
    done = subprocess.run(
        [*command, "--max-examples", "15", "--phases", "examples,coverage,fuzzing", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["plain", "several", "colour", "table"])
def test_generated_requests(serve: Callable[..., Any], tmp_path: Path, name: str) -> None:
    run_schemathesis(serve(name).url, tmp_path, "--checks", ST_CHECKS)


def test_generated_valid_requests_are_answered(serve: Callable[..., Any], tmp_path: Path) -> None:
    """Where a schema can say all that is asked for: not for images, equal columns, or data that has to fit its shape."""
    options = ("--exclude-path-regex", "infer", "--checks", "positive_data_acceptance", "--mode", "positive")
    run_schemathesis(serve("plain").url, tmp_path, *options)


def test_declared_security_is_enforced(serve: Callable[..., Any]) -> None:
    server = serve("plain", MLDEPLOY_ACCESS="key", MLDEPLOY_API_KEY="s3cret")
    doc = json.loads(server.call("GET", "/openapi.json", x_api_key="s3cret")[2])
    for path, item in doc["paths"].items():
        for method, operation in item.items():
            status, headers, body = server.call(method.upper(), path)
            assert (status == 401) is ("security" in operation), path
            if status == 401:
                assert headers["www-authenticate"].startswith("Bearer")
                assert json.loads(body)["type"] == "urn:mldeploy:problem:unauthorized"
                assert server.call(method.upper(), path, authorization="Bearer wrong")[0] == 401
                assert server.call(method.upper(), path, authorization="Bearer s3cret")[0] in (200, 400)
