"""The runtime's core: `Request → Response` for one bundle. It never raises, whatever the body, the model or a hook does.

    POST /predict     GET /v2/health/live · /v2/health/ready     GET /metadata · /openapi.json · /metrics     GET /  the page
    GET /v2 · /v2/models/NAME[/versions/1]     GET …/ready     POST …/infer

A GET route answers HEAD, too (with the whole body: who writes to the wire drops it), and every route OPTIONS. Steps of a
request: route ▸ authorise ▸ loaded? ▸ remove content-encoding ▸ decode ▸ run ▸ encode ▸ count ▸ one log line.

`handle` blocks and may be called from many threads. The server asks `is_prediction` and `is_heavy` to choose a thread, sets
`metrics.queued`, turns `is_ready` off to drain, and answers its own refusals through `reject`.
"""

from __future__ import annotations

import gc
from itertools import count
from os import PathLike
from time import perf_counter

from mldeploy.handlers import auth, documents, media, predict, routes, warmup
from mldeploy.handlers.account import Account, finish
from mldeploy.handlers.call import Call
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import Engine, EngineError, EngineInputError, EngineTimeout
from mldeploy.handlers.log import Log, clean, traceback_text
from mldeploy.handlers.manifest import Manifest, read
from mldeploy.handlers.message import Request, Response
from mldeploy.handlers.metrics import Metrics
from mldeploy.handlers.problems import Problem, to_response
from mldeploy.handlers.tensor import Tensor

_RETRY_AFTER = ("retry-after", "1")
_LAST_RESORT = Response(
    500,
    (("content-type", "application/problem+json"),),
    b'{"type":"urn:mldeploy:problem:internal","title":"The runtime failed","status":500,'
    b'"detail":"the runtime could not even describe its failure"}',
)


class Runtime:
    """One bundle, served. `load` before the first prediction; everything else answers before that, too.

    `is_ready` is what the readiness probes say; the server may turn it off to drain. `is_heavy` says that predictions belong in
    the pool. Raises ManifestError when the folder is not a bundle.
    """

    def __init__(self, bundle_dir: PathLike[str] | str, config: ServingConfig, log: Log | None = None) -> None:
        self.manifest: Manifest = read(bundle_dir)
        self.config = config
        self.metrics = Metrics()
        self.log = log or Log({"model": self.manifest.name, "stage": config.stage})
        self.is_ready = False
        self.is_heavy = True
        self._engine: Engine | None = None
        self._hooks: predict.Hooks | None = None
        self._predictions = count()
        self._routes = routes.table(self.manifest.name, documents.answers(self))

    def load(self, engine: Engine | None = None) -> None:
        """Open the engine (unless it is given, opened already) and the hooks, warm up, measure. Raises EngineError."""
        from mldeploy.handlers.engines import open_engine

        started = perf_counter()
        engine = engine or open_engine(self.manifest, self.config)
        if self.manifest.hook and self.manifest.format != "python":
            from mldeploy.handlers.hooks import load_hooks

            self._hooks = load_hooks(self.manifest)
        warmth = warmup.warm_up(self.manifest, engine.run)
        if warmth.refusal is not None:
            self.log.event("warning", "warm-up refused", traceback=traceback_text(warmth.refusal))
        self.is_heavy = warmup.is_heavy(self.manifest, self._hooks is not None, warmth, self.config.pool)
        gc.freeze()  # what is alive now stays alive: collections during requests need not walk it
        self.metrics.load_s = perf_counter() - started
        self._engine = engine
        self.is_ready = True
        self.log.event(
            "info",
            "loaded",
            engine=engine.name,
            **({"fallback_reason": engine.fallback_reason} if engine.fallback_reason else {}),
            ms_load=round(self.metrics.load_s * 1e3, 1),
            heavy=self.is_heavy,
            ms_run=None if warmth.run_s is None else round(warmth.run_s * 1e3, 3),
        )

    @property
    def engine_name(self) -> str:
        """The engine in use, for /metadata and metrics; empty before the model is loaded."""
        return self._engine.name if self._engine is not None else ""

    @property
    def fallback_reason(self) -> str:
        """Why a simpler engine than the preferred one is in use; empty when it is the preferred one."""
        return self._engine.fallback_reason if self._engine is not None else ""

    def close(self) -> None:
        """Let go of the model."""
        self.is_ready = False
        if self._engine is not None:
            self._engine.close()

    def is_prediction(self, request: Request) -> bool:
        """Whether the request would run the model: such requests are admitted, queued and pooled; others are answered at
        once."""
        route = self._routes.get(request.path)
        return route is not None and route.answer is None and request.method == "POST"

    def handle(self, request: Request) -> Response:
        """Answer. Never raises."""
        response, account = self.answer(request)
        account.settle()
        return response

    def answer(self, request: Request) -> tuple[Response, Account]:
        """The answer, and its account, to be settled when it is on its way, so that the caller need not wait. Never raises."""
        self.metrics.begin()
        try:
            call = Call(request)
            return finish(self.log, self.metrics, call, self._attempt(call))
        except BaseException as error:
            return self._last_resort(error)

    def reject(
        self,
        slug: str,
        detail: str,
        request_id: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        *,
        method: str = "",
        path: str = "",
        received_s: float = 0.0,
        bytes_in: int = 0,
    ) -> Response:
        """The problem answer to a request that the server refuses itself, counted and logged as any other. Never raises."""
        self.metrics.begin()
        try:
            call = Call(Request(method, path, "", {}, b"", request_id, received_s))
            route = self._routes.get(path)
            call.route = route.name if route is not None else "none"
            refusal = self._problem(call, Problem(slug, detail, headers=headers))
            response, account = finish(self.log, self.metrics, call, refusal, bytes_in)
        except BaseException as error:
            response, account = self._last_resort(error)
        account.settle()
        return response

    def _last_resort(self, error: BaseException) -> tuple[Response, Account]:
        """Even describing the failure failed: a fixed answer, and a line in the log where that is still possible."""
        from contextlib import suppress

        with suppress(BaseException):
            self.log.event("error", "the runtime could not describe a failure", traceback=traceback_text(error))
        return _LAST_RESORT, Account(self.metrics.end, self.metrics.end)

    def _attempt(self, call: Call) -> Response:
        try:
            return self._answer(call)
        except Problem as problem:
            return self._problem(call, problem)
        except EngineError as error:  # a hook around the model
            return self._problem(call, _model_failed(call, error))
        except BaseException as error:
            call.trace = traceback_text(error)
            return self._problem(call, Problem("internal", "the runtime failed; its log has the reason under this request id"))

    def _answer(self, call: Call) -> Response:
        request = call.request
        route = self._routes.get(request.path)
        if route is not None:
            call.route = route.name
        auth.check(self.config, request.path, request.headers)
        if route is None:
            raise routes.not_found(self.manifest.name, request.path)
        if request.method == "OPTIONS":
            return Response(204, (("allow", route.allow),), b"")
        if request.method != route.method and not (route.method == "GET" and request.method == "HEAD"):
            raise Problem(
                "method-not-allowed",
                f"{route.name} does not take {clean(request.method, 20)}",
                field="method",
                expected=route.allow,
                headers=(("allow", route.allow),),
            )
        if route.answer is not None:
            return route.answer()
        return self._predict(call)

    def _predict(self, call: Call) -> Response:
        if self._engine is None:
            raise Problem("not-ready", "the model is still being loaded")
        call.is_prediction = True
        call.is_cold = next(self._predictions) == 0
        request = call.request
        coding = request.headers.get("content-encoding")
        body = media.decoded(request.body, coding, self.config.max_body_bytes) if coding else request.body
        if call.route == "infer":
            from mldeploy.handlers import oip

            return oip.infer(self.manifest, lambda inputs: self._run(call, inputs), request._replace(body=body))
        inputs = predict.decode_predict(self.manifest, self._hooks, request, body)
        outputs = self._run(call, inputs)
        return Response(200, documents.JSON_HEADERS, predict.encode_predict(self.manifest, self._hooks, outputs))

    def _run(self, call: Call, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Run the model within what is left of the request's time. Raises Problem."""
        call.run_started_s = perf_counter()
        left = self.config.timeout_s - (call.run_started_s - (call.request.received_s or call.started_s))
        try:
            if left <= 0:
                raise EngineTimeout
            return self._engine.run(inputs, left)  # type: ignore[union-attr]
        except EngineInputError as error:
            raise Problem("invalid-input", str(error), field=f"inputs.{error.field}") from error
        except EngineTimeout:
            raise Problem("timeout", f"the prediction took longer than {self.config.timeout_s:g} s") from None
        except BaseException as error:
            refusal = predict.refusal(error) if self.manifest.format == "python" else None
            raise refusal or _model_failed(call, error) from error
        finally:
            call.run_ended_s = perf_counter()

    def _problem(self, call: Call, problem: Problem) -> Response:
        call.error = problem.slug
        path = call.request.path  # empty when the server refused the request before it knew
        response = to_response(problem, call.id, not path or path.startswith("/v2"))
        if problem.status in (429, 503) and not any(name == "retry-after" for name, _ in problem.headers):
            response = response._replace(headers=(*response.headers, _RETRY_AFTER))
        return response


def _model_failed(call: Call, error: BaseException) -> Problem:
    """The model, or a hook of the user's, failed: the log has the traceback, the caller does not."""
    call.trace = traceback_text(error)
    return Problem("model-failed", "the model failed on this input; the log has the reason under this request id")
