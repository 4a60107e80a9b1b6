"""The runtime with Lambda's clock: an answer leaves before Lambda ends the invocation, a 504 if there is no other.

    deadline_s = now + what Lambda leaves − margin          set for each invocation

An engine that can be stopped is given no more time than that. A hook cannot be stopped: it runs on a thread of its own, and
when its time is up the caller gets the 504 while the thread is left behind. Lambda freezes the environment between requests
and cannot clean up, so with the third thread left behind the process ends, and Lambda starts a fresh environment.
"""

from __future__ import annotations

import os
from math import inf
from os import PathLike
from time import perf_counter
from typing import TYPE_CHECKING

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.engines import Engine, EngineTimeout, open_engine
from mldeploy.handlers.log import Log
from mldeploy.handlers.message import Request, Response
from mldeploy.handlers.tensor import Tensor

if TYPE_CHECKING:
    from mldeploy.providers.aws.entry.worker import Worker

# Enough to write the answer down, hand it over and have the platform take it.
MARGIN_S = 0.25
MAX_STUCK = 3
EXIT_STUCK = 75


class TimedRuntime(Runtime):
    """Lambda answers one request at a time: `began_s` and `deadline_s` (perf_counter) are those of the invocation at hand."""

    def __init__(self, bundle_dir: PathLike[str] | str, config: ServingConfig, log: Log | None = None) -> None:
        super().__init__(bundle_dir, config, log)
        self.began_s = 0.0
        self.deadline_s = inf
        self.stuck = 0
        self._has_user_code = bool(self.manifest.hook) or self.manifest.format != "onnx"
        self._worker: Worker | None = None

    def load(self, engine: Engine | None = None) -> None:
        """As the core does, with an engine that minds the deadline."""
        super().load(_TimedEngine(self, engine or open_engine(self.manifest, self.config)))

    def begin(self, remaining_ms: float) -> None:
        """An invocation has begun, and Lambda gives it so long."""
        self.began_s = perf_counter()
        self.deadline_s = self.began_s + remaining_ms / 1e3 - MARGIN_S

    @property
    def left_s(self) -> float:
        """Seconds left of the invocation."""
        return self.deadline_s - perf_counter()

    def handle(self, request: Request) -> Response:
        """Answer in time. Never raises."""
        if self._has_user_code and self.is_prediction(request):
            return self._watched(request, min(self.left_s, self.config.timeout_s))
        return super().handle(request)

    def _watched(self, request: Request, timeout_s: float) -> Response:
        """Run on the worker thread, and leave it behind when the time is up."""
        from mldeploy.providers.aws.entry.worker import Worker

        self._worker = self._worker or Worker(self)
        response = self._worker.answer(request, timeout_s)
        return response or self._late(request, timeout_s)

    def _late(self, request: Request, timeout_s: float) -> Response:
        self._worker = None
        self.stuck += 1
        response = self.reject(
            "timeout",
            f"there was no answer within {max(0.0, timeout_s):.3g} s",
            request.id,
            method=request.method,
            path=request.path,
            received_s=request.received_s,
            bytes_in=len(request.body),
        )
        if self.stuck >= MAX_STUCK:
            self.log.event("error", "the model hangs on every thread it was given; the process ends for a fresh one")
            os._exit(EXIT_STUCK)
        return response


class _TimedEngine:
    """An engine that is given no more time than the invocation has."""

    def __init__(self, runtime: TimedRuntime, engine: Engine) -> None:
        self.name = engine.name
        self.fallback_reason = engine.fallback_reason
        self.inputs = engine.inputs
        self.outputs = engine.outputs
        self.close = engine.close
        self._runtime = runtime
        self._run = engine.run

    def run(self, inputs: dict[str, Tensor], timeout_s: float | None = None) -> dict[str, Tensor]:
        """As the engine does. Raises EngineTimeout, too, when no time is left at all."""
        left_s = min(self._runtime.left_s, inf if timeout_s is None else timeout_s)
        if left_s <= 0:
            raise EngineTimeout
        return self._run(inputs, None if left_s == inf else left_s)
