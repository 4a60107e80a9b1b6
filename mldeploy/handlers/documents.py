"""The GET routes' answers: what is served, how it fares, and the page. None of them runs the model.

metadata · openapi · page · server · model      made from the bundle (they import what a prediction does not need)
live · ready · model-ready · metrics            made from the runtime's state
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mldeploy.handlers import codec_json
from mldeploy.handlers.message import Response
from mldeploy.handlers.metrics import CONTENT_TYPE as METRICS_TYPE
from mldeploy.handlers.problems import Problem

if TYPE_CHECKING:
    from mldeploy.handlers.core import Runtime

JSON_HEADERS = (("content-type", "application/json"),)

Answer = Callable[[], Response]


def answers(runtime: Runtime) -> dict[str, Answer]:
    """The answer of each GET route, by the route's name."""
    name = runtime.manifest.name
    return {
        "page": _kept(lambda: _page(runtime)),
        "metadata": lambda: _metadata(runtime),
        "openapi": _kept(lambda: _openapi(runtime)),
        "metrics": lambda: _metrics(runtime),
        "server": lambda: _server(runtime),
        "model": lambda: _model(runtime),
        "live": lambda: _json({"live": True}),
        "ready": lambda: _readiness(runtime, {"ready": True}),
        "model-ready": lambda: _readiness(runtime, {"name": name, "ready": True}),
    }


def _json(doc: Any) -> Response:
    return Response(200, JSON_HEADERS, codec_json.dumps(doc))


def _kept(make: Answer) -> Answer:
    """An answer that is made once, when first asked for."""
    made: list[Response] = []

    def answer() -> Response:
        if not made:
            made.append(make())
        return made[0]

    return answer


def _metadata(runtime: Runtime) -> Response:
    """bundle.json itself, and how it is served."""
    config = runtime.config
    limits = {
        "timeout_s": config.timeout_s,
        "concurrency": config.concurrency,
        "queue": config.queue,
        "max_body_bytes": config.max_body_bytes,
    }
    serving: dict[str, Any] = {"engine": runtime.engine_name, "stage": config.stage, "access": config.access, "limits": limits}
    if runtime.fallback_reason:
        serving["fallback_reason"] = runtime.fallback_reason
    return _json({**runtime.manifest.raw, **serving})


def _page(runtime: Runtime) -> Response:
    from mldeploy.handlers import page

    return page.response(runtime.manifest, runtime.config)


def _openapi(runtime: Runtime) -> Response:
    from mldeploy.handlers import openapi

    return _json(openapi.document(runtime.manifest, runtime.config))


def _server(runtime: Runtime) -> Response:
    from mldeploy.handlers import oip

    return _json(oip.server_metadata(runtime.manifest))


def _model(runtime: Runtime) -> Response:
    from mldeploy.handlers import oip

    return _json(oip.model_metadata(runtime.manifest))


def _readiness(runtime: Runtime, doc: dict[str, Any]) -> Response:
    if not runtime.is_ready:
        raise Problem("not-ready", "the model is not ready to take requests")
    return _json(doc)


def _metrics(runtime: Runtime) -> Response:
    manifest = runtime.manifest
    info = {
        "name": manifest.name,
        "fingerprint": manifest.fingerprint,
        "format": manifest.format,
        "engine": runtime.engine_name,
        "stage": runtime.config.stage,
    }
    return Response(200, (("content-type", METRICS_TYPE),), runtime.metrics.text(info, runtime.is_ready, runtime.log.dropped))
