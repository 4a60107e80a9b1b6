"""One connection: requests in, answers out in the same order, one write each, and nothing held for a peer that is gone.

    data_received ─▶ reader.exchanges ─▶ service.dispatch ─▶ Response now ─────────▶ write
                         (paused while          └──────────▶ Job in the pool ─done─▶ write
                          one is worked on)

It keeps no timers. It knows since when it waits for what, and `patience.overdue` (called every so often for all connections)
says when that is too long.
"""

from __future__ import annotations

import socket
from time import perf_counter
from typing import TYPE_CHECKING, cast

from mldeploy.handlers.message import Request, Response
from mldeploy.handlers.server.http1 import IDLE, Exchange, RequestReader
from mldeploy.handlers.server.stream import Stream
from mldeploy.handlers.server.wire import CONTINUE

if TYPE_CHECKING:
    from mldeploy.handlers.server.pool import Job
    from mldeploy.handlers.server.service import Service

# Answers given in one go before other connections have their turn.
_TURN = 16
# What a closing connection still reads and drops, so that a client in the middle of sending gets to read its answer.
_MAX_LINGER_BYTES = 64 * 1024 * 1024


class Connection:
    """An HTTP/1.0 or 1.1 connection. `is_private` ones (the supervisor's) do not count as connections."""

    __slots__ = (
        "choked_since_s",
        "closing_since_s",
        "exchange",
        "has_eof",
        "is_choked",
        "is_counted",
        "is_private",
        "job",
        "lingered_bytes",
        "reader",
        "service",
        "since_s",
        "stream",
        "unsent_bytes",
    )

    def __init__(self, service: Service, sock: socket.socket, is_private: bool) -> None:
        self.service = service
        self.is_private = is_private
        self.is_counted = False  # among those that are limited: `service.opened` decides
        self.reader = RequestReader(service.config.max_body_bytes, service.has_room)
        self.exchange: Exchange | None = None
        self.job: Job | None = None
        self.since_s = perf_counter()  # the last answer
        self.has_eof = False
        self.is_choked = False
        self.choked_since_s = 0.0
        self.unsent_bytes = 0
        self.lingered_bytes = 0
        self.closing_since_s = 0.0
        self.stream = Stream(service.loop, sock, self)
        refusal = service.opened(self)
        if refusal:
            self._answer(Exchange(None, "close", True), refusal)

    @property
    def is_working(self) -> bool:
        """Whether a request is waiting for its answer."""
        return self.job is not None or bool(self.reader.exchanges)

    @property
    def held_bytes(self) -> int:
        """The bodies in memory on behalf of this connection, and what the one that is being read may grow to."""
        held = self.reader.reserved_bytes
        for exchange in (self.exchange if self.job else None, *self.reader.exchanges):
            if exchange and exchange.request:
                held += len(exchange.request.body)
        return held

    def connection_lost(self) -> None:
        self.service.closed(self)
        job, self.job = self.job, None
        if job:
            self.service.pool.abandon(job)
        self.closing_since_s = perf_counter()

    def data_received(self, data: bytes) -> None:
        if self.closing_since_s:
            self.lingered_bytes += len(data)
            if self.lingered_bytes > _MAX_LINGER_BYTES:
                self.stream.abort()
            return
        self.reader.feed(data)
        self.pump()

    def eof_received(self) -> bool:
        """A half-closed connection still gets its answers."""
        if self.closing_since_s:
            return False
        self.has_eof = True
        if self.reader.phase != IDLE:
            self.reader.refuse("bad-request", "the connection ended in the middle of the request")
        self.pump()
        return not self.closing_since_s

    def pause_writing(self) -> None:
        self.is_choked = True
        self.choked_since_s = perf_counter()
        self.unsent_bytes = self.stream.unsent_bytes

    def resume_writing(self) -> None:
        self.is_choked = False
        self.service.loop.call_soon(self.pump)

    def pump(self) -> None:
        """Answer what has arrived, as far as the pool and the peer's reading allow; then arrange for what comes next."""
        exchanges = self.reader.exchanges
        turn = _TURN
        while exchanges and not (self.job or self.is_choked or self.closing_since_s):
            if not turn:
                self.service.loop.call_soon(self.pump)
                break
            turn -= 1
            self.exchange = exchange = exchanges.popleft()
            outcome = self.service.dispatch(exchange, self.finished)
            if isinstance(outcome, Response):
                self._answer(exchange, outcome)
            else:
                self.job = outcome
        if not self.closing_since_s:
            self._arrange()

    def finished(self, response: Response | None) -> None:
        """The pool is done with this connection's job (None: out of time)."""
        self.job = None
        exchange = cast(Exchange, self.exchange)
        self._answer(exchange, response or self.service.timed_out(cast(Request, exchange.request)))
        self.reader.since_s = self.since_s  # the next request was not read in the meantime: its time begins now
        self.pump()

    def refuse(self, slug: str, detail: str) -> None:
        """Give up on the request that is being read."""
        self.reader.refuse(slug, detail)
        self.pump()

    def close_soon(self) -> None:
        """Close from this side, reading on for a moment: a reset would take the last answer from the peer."""
        self.closing_since_s = perf_counter()
        self.reader.exchanges.clear()
        if self.has_eof:
            self.stream.close()
            return
        self.stream.resume_reading()
        self.stream.write_eof()

    def _answer(self, exchange: Exchange, response: Response) -> None:
        reader = self.reader
        is_last = exchange.is_closing or (self.service.is_draining and reader.phase == IDLE and not reader.exchanges)
        self.stream.write(
            self.service.writer.render(
                response, connection="close" if is_last else exchange.connection, is_head=exchange.is_head
            )
        )
        self.since_s = perf_counter()
        if not is_last:
            return
        if exchange.slug or not exchange.is_closing or exchange.request is None:
            self.close_soon()
        else:
            self.closing_since_s = self.since_s
            self.stream.close()

    def _arrange(self) -> None:
        """Read on unless a complete request waits already; close when the peer has sent its last and has its answers."""
        reader = self.reader
        if reader.exchanges:
            self.stream.pause_reading()
            return
        if self.has_eof:
            if not self.job:
                self.closing_since_s = perf_counter()
                self.stream.close()
            return
        self.stream.resume_reading()
        if reader.wants_continue and not self.job:
            reader.wants_continue = False
            self.stream.write(CONTINUE)
