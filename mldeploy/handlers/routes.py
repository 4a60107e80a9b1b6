"""The route table of one bundle. Every path is known when the bundle is: a dict from path to Route, and nothing is matched."""

from __future__ import annotations

from typing import NamedTuple

from mldeploy.handlers.documents import Answer
from mldeploy.handlers.problems import Problem

MODEL_VERSION = "1"


class Route(NamedTuple):
    """`name` is the label in metrics and logs; `method` is GET or POST; `answer` is None for the prediction routes."""

    name: str
    method: str
    answer: Answer | None

    @property
    def allow(self) -> str:
        """The value of the Allow header."""
        return "GET, HEAD, OPTIONS" if self.method == "GET" else "POST, OPTIONS"


def table(model_name: str, answers: dict[str, Answer]) -> dict[str, Route]:
    """All routes by path. `answers` has one for each GET route's name."""
    names = {
        "/": "page",
        "/metadata": "metadata",
        "/openapi.json": "openapi",
        "/metrics": "metrics",
        "/v2": "server",
        "/v2/health/live": "live",
        "/v2/health/ready": "ready",
    }
    routes = {"/predict": Route("predict", "POST", None)}
    model = f"/v2/models/{model_name}"
    for prefix in (model, f"{model}/versions/{MODEL_VERSION}"):
        names |= {prefix: "model", f"{prefix}/ready": "model-ready"}
        routes[f"{prefix}/infer"] = Route("infer", "POST", None)
    return routes | {path: Route(name, "GET", answers[name]) for path, name in names.items()}


def not_found(model_name: str, path: str) -> Problem:
    """The 404 for a path, which names what there is instead."""
    if path.startswith("/v2/models/"):
        detail = f"no such model or version here; this endpoint serves {model_name!r}, version {MODEL_VERSION}"
        return Problem("not-found", detail, field="path", expected=f"/v2/models/{model_name}")
    known = "one of /, /predict, /v2, /metadata, /openapi.json, /metrics"
    return Problem("not-found", "no such path", field="path", expected=known)
