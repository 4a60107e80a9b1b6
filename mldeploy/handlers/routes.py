"""The route table of one bundle, and the documents that need no model run.

Every path is known when the bundle is: the table is a dict from path to Route, and nothing is matched. Documents are made when
first asked for (they import what a prediction does not need) and kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mldeploy.handlers import codec_json
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.message import Response
from mldeploy.handlers.problems import Problem

JSON_HEADERS = (("content-type", "application/json"),)
MODEL_VERSION = "1"

Answer = Callable[[], Response]


class Route(NamedTuple):
    """`name` is the label in metrics and logs; `method` is GET or POST; `answer` is None for the two prediction routes."""

    name: str
    method: str
    answer: Answer | None

    @property
    def allow(self) -> str:
        """The value of the Allow header."""
        return "GET, HEAD, OPTIONS" if self.method == "GET" else "POST, OPTIONS"


def table(manifest: Manifest, documents: dict[str, Answer]) -> dict[str, Route]:
    """All routes by path. `documents` has an answer for each GET route's name."""
    model = f"/v2/models/{manifest.name}"
    routes = {
        "/predict": Route("predict", "POST", None),
        "/": Route("page", "GET", documents["page"]),
        "/metadata": Route("metadata", "GET", documents["metadata"]),
        "/openapi.json": Route("openapi", "GET", documents["openapi"]),
        "/metrics": Route("metrics", "GET", documents["metrics"]),
        "/v2": Route("server", "GET", documents["server"]),
        "/v2/health/live": Route("live", "GET", documents["live"]),
        "/v2/health/ready": Route("ready", "GET", documents["ready"]),
    }
    for prefix in (model, f"{model}/versions/{MODEL_VERSION}"):
        routes[prefix] = Route("model", "GET", documents["model"])
        routes[f"{prefix}/ready"] = Route("model-ready", "GET", documents["model-ready"])
        routes[f"{prefix}/infer"] = Route("infer", "POST", None)
    return routes


def not_found(manifest: Manifest, path: str) -> Problem:
    """The 404 for a path, which names what there is instead."""
    if path.startswith("/v2/models/"):
        return Problem(
            "not-found",
            f"no such model or version here; this endpoint serves {manifest.name!r}, version {MODEL_VERSION}",
            field="path",
            expected=f"/v2/models/{manifest.name}",
        )
    return Problem(
        "not-found", "no such path", field="path", expected="one of /, /predict, /v2, /metadata, /openapi.json, /metrics"
    )


def json_answer(doc: Any) -> Response:
    """200 with a JSON body."""
    return Response(200, JSON_HEADERS, codec_json.dumps(doc))


def kept(make: Answer) -> Answer:
    """An answer that is made once, when first asked for."""
    made: list[Response] = []

    def answer() -> Response:
        if not made:
            made.append(make())
        return made[0]

    return answer


def metadata(manifest: Manifest, config: ServingConfig, engine: str) -> Response:
    """The answer of GET /metadata: bundle.json itself, and how it is served."""
    return json_answer(
        {
            **manifest.raw,
            "engine": engine,
            "stage": config.stage,
            "access": config.access,
            "limits": {
                "timeout_s": config.timeout_s,
                "concurrency": config.concurrency,
                "queue": config.queue,
                "max_body_bytes": config.max_body_bytes,
            },
        }
    )


def page(manifest: Manifest, config: ServingConfig) -> Response:
    """The answer of GET /."""
    from mldeploy.handlers import page

    return page.response(manifest, config)


def openapi(manifest: Manifest, config: ServingConfig) -> Response:
    """The answer of GET /openapi.json."""
    from mldeploy.handlers import openapi

    return json_answer(openapi.document(manifest, config))


def server(manifest: Manifest) -> Response:
    """The answer of GET /v2."""
    from mldeploy.handlers import oip

    return json_answer(oip.server_metadata(manifest))


def model(manifest: Manifest) -> Response:
    """The answer of GET /v2/models/NAME."""
    from mldeploy.handlers import oip

    return json_answer(oip.model_metadata(manifest))
