"""The one runtime of a worker process, behind the worker's event loop.

    import ─▶ Runtime(bundle) ─▶ load on a thread ─┬─ done within MAX_INDEXING_S: a failure is raised, the host shows it
                                                   └─ goes on: the host may index, requests wait, a failure ends the process

    request ─┬─ no prediction; light model, small body ─▶ here, on the loop: a thread would cost more than the model
             ├─ otherwise ──────────────────────────────▶ one of `concurrency` threads
             └─ no place left ──────────────────────────▶ 429

So one slow prediction keeps neither the next one nor a probe waiting, and the time spent in the queue counts.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from time import perf_counter
from typing import NamedTuple, TypeVar

from mldeploy.handlers import gateway
from mldeploy.handlers.config import from_environ
from mldeploy.handlers.core import Runtime
from mldeploy.handlers.message import Response
from mldeploy.handlers.server.admission import Admission
from mldeploy.providers.azure.entry.log import WorkerLog

MAX_INDEXING_S = 20.0
_DEFAULT_BUNDLE = "/home/site/wwwroot/bundle"
_SMALL_BODY_BYTES = 64 * 1024

T = TypeVar("T")


class LoadError(Exception):
    """The bundle cannot be served; the message says which and why."""


class Sent(NamedTuple):
    """A request as the platform hands it over. `path` is as it was sent; `id` is the platform's."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    id: str = ""


class Serving:
    """Loads at once. Raises LoadError, ManifestError or ConfigError."""

    def __init__(self, environ: Mapping[str, str], max_indexing_s: float = MAX_INDEXING_S) -> None:
        self._bundle = environ.get("MLDEPLOY_BUNDLE", "") or _DEFAULT_BUNDLE
        config = from_environ(environ)
        self.runtime = Runtime(self._bundle, config)
        self.runtime.log = WorkerLog({"model": self.runtime.manifest.name, "stage": config.stage})
        self._admission = Admission(config.concurrency, config.queue)
        self.runtime.metrics.queued = self._admission.waiting
        self._pool = ThreadPoolExecutor(config.concurrency, "predict")
        self._error: BaseException | None = None
        self._is_indexing = True
        self._loading = Thread(target=self._load, name="load", daemon=True)
        self._loading.start()
        self._loading.join(max_indexing_s)
        self._is_indexing = False
        if self._error is not None:
            raise LoadError(self._reason()) from self._error

    def loaded(self) -> Runtime:
        """The runtime, once its model is there."""
        self._loading.join()
        return self.runtime

    async def answer(self, sent: Sent) -> Response:
        """Answer a request. Never raises."""
        received_s = perf_counter()
        if sent.method != "POST" or (self.runtime.is_ready and self._is_light(sent)):
            return gateway.answer(self.runtime, *sent, received_s=received_s)
        if not self._admission.admit():
            return self._overload(sent, received_s)
        began_s = perf_counter()
        try:
            return await self.elsewhere(lambda: gateway.answer(self.loaded(), *sent, received_s=received_s))
        finally:
            self._admission.release(perf_counter() - began_s)

    async def elsewhere(self, work: Callable[[], T]) -> T:
        """Do something that takes long off the loop's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _is_light(self, sent: Sent) -> bool:
        is_small = len(sent.body) <= _SMALL_BODY_BYTES and "content-encoding" not in sent.headers
        return not self.runtime.is_heavy and is_small

    def _overload(self, sent: Sent, received_s: float) -> Response:
        return self.runtime.reject(
            "too-many-requests",
            f"{self._admission.admitted} predictions are running or waiting",
            sent.headers.get("x-request-id", "") or sent.id,
            (("retry-after", str(self._admission.retry_after_s())),),
            method=sent.method,
            path=sent.path,
            received_s=received_s,
            bytes_in=len(sent.body),
        )

    def _load(self) -> None:
        try:
            self.runtime.load()
        except BaseException as error:  # a hook can raise anything while it is imported
            self._error = error
            if not self._is_indexing:
                sys.stderr.write(f"mldeploy: {self._reason()}\n")
                sys.stderr.flush()
                os._exit(1)  # the host starts the worker anew, and gives up when that does not help

    def _reason(self) -> str:
        return f"cannot serve {self._bundle}: {type(self._error).__name__}: {' '.join(str(self._error).split())}"
