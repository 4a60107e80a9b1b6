"""GET /openapi.json: an OpenAPI 3.1 document generated from a bundle's signature and the serving settings.

It lists every route with its bodies, an example that works, and every problem status that the route can answer. The model's
name stands literally in the paths: there is one model, and a client made from the document should not have to know it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from mldeploy.handlers import auth, oip_binary, openapi_schemas, predict, sample
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.manifest import ImagePreprocess, Manifest, TabularPreprocess
from mldeploy.handlers.oip import EXTENSIONS, MODEL_VERSION
from mldeploy.handlers.oip_request import BINARY_ONLY
from mldeploy.handlers.problems import PROBLEMS

Doc = dict[str, Any]

_EVERYWHERE = (
    "bad-request",
    "request-timeout",
    "body-too-large",
    "uri-too-long",
    "headers-too-large",
    "internal",
    "not-implemented",
    "not-ready",
)
_PREDICTION = (
    "invalid-json",
    "unsupported-media-type",
    "invalid-input",
    "too-many-requests",
    "model-failed",
    "timeout",
)


def document(manifest: Manifest, config: ServingConfig) -> Doc:
    """The document, ready for JSON."""
    has_key = config.access == "key"
    paths = {
        path: {method: _finish(path, operation, has_key) for method, operation in item.items()}
        for path, item in _paths(manifest).items()
    }
    components: Doc = {
        "schemas": {
            "PredictRequest": openapi_schemas.predict_request(manifest),
            "PredictAnswer": openapi_schemas.predict_answer(manifest),
            "InferRequest": openapi_schemas.oip_request(manifest),
            "InferAnswer": openapi_schemas.oip_answer(manifest),
            "Problem": openapi_schemas.problem(),
        }
    }
    if has_key:
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": manifest.name,
            "version": manifest.fingerprint[:7],
            "description": f"Predictions of the model {manifest.name}: {manifest.format}, fingerprint {manifest.fingerprint}.",
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": components,
    }


def _ref(name: str) -> Doc:
    return {"$ref": f"#/components/schemas/{name}"}


def _paths(manifest: Manifest) -> dict[str, dict[str, Doc]]:
    model = f"/v2/models/{quote(manifest.name, safe='')}"
    text, json, anything = {"type": "string"}, "application/json", {"type": "object"}
    paths: dict[str, dict[str, Doc]] = {
        "/": {"get": _get("page", "The page for people", "text/html", text)},
        "/predict": {"post": _predict(manifest)},
        "/metadata": {"get": _get("metadata", "What is served: signature, labels, fingerprint", json, anything)},
        "/openapi.json": {"get": _get("openapi", "This document", json, anything)},
        "/metrics": {"get": _get("metrics", "Counters and histograms in Prometheus' text format", "text/plain", text)},
        "/v2": {"get": _get("serverMetadata", "Server metadata", json, _server_metadata())},
        "/v2/health/live": {"get": _health("serverLive", "Whether the process answers", "live")},
        "/v2/health/ready": {"get": _health("serverReady", "Whether the model is loaded and warm", "ready")},
    }
    for path, suffix in ((model, ""), (f"{model}/versions/{MODEL_VERSION}", "Version")):
        paths[path] = {"get": _get(f"modelMetadata{suffix}", "Model metadata", "application/json", _model_metadata(manifest))}
        paths[f"{path}/ready"] = {"get": _health(f"modelReady{suffix}", "Whether the model is ready", "ready")}
        paths[f"{path}/infer"] = {"post": _infer(manifest, f"infer{suffix}")}
    return paths


def _get(operation: str, summary: str, media: str, schema: Doc) -> Doc:
    return {
        "operationId": operation,
        "summary": summary,
        "x-problems": (),
        "responses": {"200": {"description": "OK", "content": {media: {"schema": schema}}}},
    }


def _health(operation: str, summary: str, member: str) -> Doc:
    properties = {member: {"type": "boolean"}, "name": {"type": "string"}}
    return _get(operation, summary, "application/json", {"type": "object", "properties": properties, "required": [member]})


def _server_metadata() -> Doc:
    return {
        "type": "object",
        "required": ["name", "version", "extensions"],
        "properties": {
            "name": {"type": "string"},
            "version": {"type": "string"},
            "extensions": {"type": "array", "items": {"enum": list(EXTENSIONS)}},
        },
    }


def _model_metadata(manifest: Manifest) -> Doc:
    tensor = {
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {
            "name": {"type": "string"},
            "datatype": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": -1}},
        },
    }
    return {
        "type": "object",
        "required": ["name", "versions", "platform", "inputs", "outputs"],
        "properties": {
            "name": {"const": manifest.name},
            "versions": {"type": "array", "items": {"type": "string"}},
            "platform": {"type": "string"},
            "inputs": {"type": "array", "items": tensor},
            "outputs": {"type": "array", "items": tensor},
        },
    }


def _predict(manifest: Manifest) -> Doc:
    is_image = isinstance(manifest.preprocess, ImagePreprocess)
    return {
        "operationId": "predict",
        "summary": "Predict",
        "requestBody": {"required": True, "content": _predict_content(manifest)},
        "responses": {
            "200": {
                "description": "The answer",
                "headers": _prediction_headers(),
                "content": {"application/json": {"schema": _ref("PredictAnswer")}},
            }
        },
        "x-problems": (*_PREDICTION, "invalid-image") if is_image else _PREDICTION,
    }


def _predict_content(manifest: Manifest) -> Doc:
    value = sample.inputs(manifest)
    of_json = {"schema": _ref("PredictRequest")} | ({} if value is None else {"example": {"inputs": value}})
    if sample.takes_raw_inputs(manifest):
        return {"application/json": of_json, "*/*": {"schema": {}}}
    bodies: Doc = {"application/json": of_json, "multipart/form-data": {"schema": _upload()}}
    if isinstance(manifest.preprocess, TabularPreprocess):
        bodies["text/csv"] = {"schema": {"type": "string"}, "example": sample.csv(manifest.preprocess.columns)}
    return {media: bodies.get(media, {"schema": {}}) for media in predict.accepted_types(manifest)}


def _upload() -> Doc:
    """A form with the file (or, for images, files) under any name."""
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    return {"type": "object", "properties": {"file": file}, "required": ["file"]}


def _prediction_headers() -> Doc:
    timing = "milliseconds in the queue, decoding, inferring and encoding"
    return {
        "server-timing": {"description": timing, "schema": {"type": "string"}},
        "x-mldeploy-start": {
            "description": "whether this was the process's first prediction",
            "schema": {"enum": ["cold", "warm"]},
        },
    }


def _infer(manifest: Manifest, operation: str) -> Doc:
    content: Doc = {"application/json": {"schema": _ref("InferRequest")}, "application/octet-stream": {"schema": {}}}
    example = _infer_example(manifest)
    if example is not None:
        content["application/json"]["example"] = example
    length = {
        "name": oip_binary.HEADER,
        "in": "header",
        "required": False,
        "schema": {"type": "integer", "minimum": 0},
        "description": "size of the JSON part, when binary tensors follow it",
    }
    return {
        "operationId": operation,
        "summary": "Predict, Open Inference Protocol v2",
        "parameters": [length],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {
                "description": "The outputs",
                "headers": _prediction_headers(),
                "content": {"application/json": {"schema": _ref("InferAnswer")}, "application/octet-stream": {"schema": {}}},
            }
        },
        "x-problems": _PREDICTION,
    }


def _infer_example(manifest: Manifest) -> Doc | None:
    values = sample.tensors(manifest)
    dtypes = {spec.dtype for spec in (*manifest.inputs, *manifest.outputs)}
    if None in values.values() or not dtypes.isdisjoint(BINARY_ONLY):
        return None
    return {
        "inputs": [
            {"name": spec.name, "shape": list(sample.concrete(spec.shape)), "datatype": spec.dtype, "data": values[spec.name]}
            for spec in manifest.inputs
        ]
    }


def _finish(path: str, operation: Doc, has_key: bool) -> Doc:
    """Add what every route has: its problems by status, and the key where one is needed."""
    finished = {key: value for key, value in operation.items() if key != "x-problems"}
    slugs = [*_EVERYWHERE, *operation["x-problems"]]
    if has_key and path not in auth.OPEN_PATHS:
        slugs.append("unauthorized")
        finished["security"] = [{"bearer": []}, {"apiKey": []}]
    titles: dict[int, list[str]] = {}
    for slug in slugs:
        status, title = PROBLEMS[slug]
        titles.setdefault(status, []).append(f"{title} ({slug})")
    finished["responses"] = finished["responses"] | {
        str(status): {
            "description": "; ".join(titles[status]),
            "content": {"application/problem+json": {"schema": _ref("Problem")}},
        }
        for status in sorted(titles)
    }
    return finished
