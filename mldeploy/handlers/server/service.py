"""What the connections share: who may come in, where a prediction runs, and the connections themselves.

prediction ─┬─ without the key it needs ───────────────▶ 401, at once
            ├─ unhealthy ──────────────────────────────▶ 503
            ├─ light model, small body, a free place ──▶ here, on the loop: a thread would cost more than the model
            ├─ otherwise ──────────────────────────────▶ pool (waits while the model is loading)
            └─ no place left ──────────────────────────▶ 429, at once
anything else ─────────────────────────────────────────▶ here, on the loop
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

from mldeploy.handlers import auth
from mldeploy.handlers.message import Request, Response
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.server import patience
from mldeploy.handlers.server.admission import Admission
from mldeploy.handlers.server.http1 import SMALL_BODY_BYTES, Exchange
from mldeploy.handlers.server.listen import affordable_connections
from mldeploy.handlers.server.loop import Loop, Timer
from mldeploy.handlers.server.pool import Done, Job, Pool
from mldeploy.handlers.server.wire import ResponseWriter

if TYPE_CHECKING:
    from mldeploy.handlers.core import Runtime
    from mldeploy.handlers.server.protocol import Connection

# Request bodies held at once, of all connections together, beyond a first one of the full size.
_MAX_HELD_BYTES = 64 * 1024 * 1024
# Connections over the limit that are being told so; past these they are dropped without a word.
_MAX_REFUSED = 64


class Service:
    """The running server, seen from its connections. Everything here happens on the loop's thread."""

    def __init__(self, runtime: Runtime, loop: Loop, exhausted: Callable[[], None]) -> None:
        self.runtime = runtime
        self.config = runtime.config
        self.writer = ResponseWriter()
        self.admission = Admission(self.config.concurrency, self.config.queue)
        self.pool = Pool(runtime.answer, self.admission, loop, stuck_grace_s=self.config.stuck_grace_s, exhausted=exhausted)
        runtime.metrics.queued = self.admission.waiting
        self.connections: set[Connection] = set()
        self.max_connections = affordable_connections(self.config.max_connections)
        self.draining_since_s = 0.0
        self.is_unhealthy = False
        self._is_loaded = False
        self._needs_key = self.config.access == "key"
        self._public = 0
        self.loop = loop
        self._ticker: Timer | None = None
        self._tick_s = patience.tick_s(self.config)

    @property
    def is_draining(self) -> bool:
        return self.draining_since_s > 0.0

    @property
    def is_inline(self) -> bool:
        """Whether predictions run on the loop as a rule."""
        return self._is_loaded and not self.runtime.is_heavy

    def loaded(self) -> None:
        """The model is ready: begin with the predictions that have been waiting for it."""
        self._is_loaded = True
        self.pool.open()

    def drain(self) -> None:
        """From now on each answer is its connection's last one, and silent connections are closed after a grace."""
        self.draining_since_s = self.draining_since_s or perf_counter()

    # What a connection calls.

    def opened(self, connection: Connection) -> Response | None:
        """Count a new connection in; a Response is what to turn it away with."""
        self.connections.add(connection)
        if not self._ticker:
            self._ticker = self.loop.call_later(self._tick_s, self._tick)
        if connection.is_private:
            return None
        if self._public < self.max_connections:
            self._public += 1
            connection.is_counted = True
            return None
        if len(self.connections) - self._public > _MAX_REFUSED:
            connection.stream.abort()
            return None
        return self.runtime.reject(
            "not-ready", f"all {self.max_connections} connections are in use", headers=(("retry-after", "1"),)
        )

    def closed(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self._public -= connection.is_counted

    def has_room(self, size: int) -> bool:
        """Whether a body of this size may be read. Asked for large ones only, so it counts afresh instead of keeping books."""
        held = sum(connection.held_bytes for connection in self.connections)
        return held + size <= _MAX_HELD_BYTES + self.config.max_body_bytes

    def dispatch(self, exchange: Exchange, done: Done) -> Response | Job:
        """The answer, or the job whose end will be told to `done`."""
        request = exchange.request
        runtime = self.runtime
        if request is None:
            return runtime.reject(exchange.slug, exchange.detail)
        if not runtime.is_prediction(request) or (self._needs_key and not self._is_authorised(request)):
            return self._answer_here(request)
        if self.is_unhealthy:
            return self._reject(request, "not-ready", "the model hangs; the server is about to be restarted", retry_after_s=1)
        if self.is_inline and self.admission.is_free and _is_small(request):
            return self._answer_here(request)
        return self.pool.submit(request, self.config.timeout_s, done) or self._overload(request)

    def _answer_here(self, request: Request) -> Response:
        """The answer; its log line and counts wait until it has been sent."""
        response, account = self.runtime.answer(request)
        self.loop.call_soon(account.settle)
        return response

    def timed_out(self, request: Request) -> Response:
        """The answer to a prediction that the pool has given up on."""
        return self._reject(request, "timeout", f"there was no answer within {self.config.timeout_s:g} s")

    def _is_authorised(self, request: Request) -> bool:
        """Whether the core would let it in. Who may not come in must not take a place in the queue."""
        try:
            auth.check(self.config, request.path, request.headers)
        except Problem:
            return False
        return True

    def _overload(self, request: Request) -> Response:
        return self._reject(
            request,
            "too-many-requests",
            f"{self.admission.admitted} predictions are running or waiting",
            retry_after_s=self.admission.retry_after_s(),
        )

    def _reject(self, request: Request, slug: str, detail: str, *, retry_after_s: int = 0) -> Response:
        headers = (("retry-after", str(retry_after_s)),) if retry_after_s else ()
        return self.runtime.reject(
            slug,
            detail,
            request.id,
            headers,
            method=request.method,
            path=request.path,
            received_s=request.received_s,
            bytes_in=len(request.body),
        )

    def sweep(self) -> None:
        """See to it that nobody takes longer than they may."""
        for connection in tuple(self.connections):
            patience.enforce(connection, self.config, self.draining_since_s)

    def _tick(self) -> None:
        self._ticker = self.loop.call_later(self._tick_s, self._tick) if self.connections else None
        self.sweep()


def _is_small(request: Request) -> bool:
    return len(request.body) <= SMALL_BODY_BYTES and "content-encoding" not in request.headers
