"""Sockets on the loop: accepting, and a connection's reads and writes with what they need of buffering.

    Acceptor ─socket─▶ Stream ─▶ receiver.data_received / eof_received / connection_lost / pause_writing / resume_writing

The receiver's methods and the Stream's are named and behave as asyncio's protocol and transport do.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol

from mldeploy.handlers.server.loop import READ, WRITE, Loop

_READ_BYTES = 64 * 1024
# More than this unsent, and the receiver is asked to pause until all of it is gone.
_HIGH_WATER_BYTES = 64 * 1024
_ACCEPTS_A_TURN = 64
_ACCEPT_PAUSE_S = 0.1


class Receiver(Protocol):
    """Who is told what happens on a stream."""

    def data_received(self, data: bytes) -> None: ...

    def eof_received(self) -> bool:
        """The peer has sent its last; true keeps the other direction open."""

    def connection_lost(self) -> None: ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class Stream:
    """One connected socket. `unsent_bytes` is what the kernel has not taken yet. Once `is_closing`, nothing is received."""

    __slots__ = (
        "_events",
        "_is_due",
        "_is_ending",
        "_is_lost",
        "_is_paused",
        "_loop",
        "_receiver",
        "_sock",
        "_unsent",
        "is_closing",
        "unsent_bytes",
    )

    def __init__(self, loop: Loop, sock: socket.socket, receiver: Receiver) -> None:
        self._loop = loop
        self._sock = sock
        self._receiver = receiver
        self._unsent: list[memoryview] = []
        self.unsent_bytes = 0
        self._is_due = False
        self._is_paused = False
        self._is_ending = False
        self._is_lost = False
        self.is_closing = False
        self._events = READ
        loop.watch(sock, READ, self._ready)

    def write(self, data: bytes) -> None:
        """Send at the end of the round, in one piece with what else there is if the kernel takes it; the rest when it does.

        Answers of one round go out together: a peer that sleeps is woken by the first one and takes the others as they come,
        where it would have to be woken for each (a third of the throughput with eight connections).
        """
        if self._is_lost or self._is_ending:
            return
        self._unsent.append(memoryview(data))
        self.unsent_bytes += len(data)
        if self.unsent_bytes > _HIGH_WATER_BYTES:
            self._flush()
        elif not self._is_due:
            self._is_due = True
            self._loop.call_at_end(self._flush)

    def write_eof(self) -> None:
        """Send what there is, then tell the peer that this was all. Reading goes on."""
        self._is_ending = True
        if not self._unsent:
            self._shut()

    def pause_reading(self) -> None:
        self._watch(self._events & ~READ)

    def resume_reading(self) -> None:
        if not self.is_closing:
            self._watch(self._events | READ)

    def close(self) -> None:
        """Send what there is, then let go."""
        if self.is_closing:
            return
        self.is_closing = True
        self.pause_reading()
        if not self._unsent:
            self.abort()

    def abort(self) -> None:
        """Let go at once. The receiver hears of it in the next round."""
        if self._is_lost:
            return
        self._is_lost = self.is_closing = True
        self._watch(0)
        self._unsent = []
        self.unsent_bytes = 0
        self._loop.call_soon(self._lose)

    def _lose(self) -> None:
        self._sock.close()
        self._receiver.connection_lost()

    def _watch(self, events: int) -> None:
        """Watch for these events: a socket without any is not registered at all."""
        before, self._events = self._events, events
        if before == events:
            return
        if not before:
            self._loop.watch(self._sock, events, self._ready)
        elif events:
            self._loop.change(self._sock, events, self._ready)
        else:
            self._loop.forget(self._sock)

    def _ready(self, events: int) -> None:
        try:
            if events & WRITE and self._events & WRITE:
                self._send()
            if events & READ and self._events & READ:
                self._receive()
        except Exception:
            self.abort()
            raise

    def _receive(self) -> None:
        try:
            data = self._sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.abort()
            return
        if data:
            self._receiver.data_received(data)
            return
        self.pause_reading()
        if not self._receiver.eof_received():
            self.close()

    def _flush(self) -> None:
        """Try to send; have the loop say when the rest can go."""
        self._is_due = False
        if self._unsent and not self._events & WRITE:
            self._send()
        if self._unsent:
            self._watch(self._events | WRITE)
            if self.unsent_bytes > _HIGH_WATER_BYTES and not self._is_paused:
                self._is_paused = True
                self._receiver.pause_writing()

    def _send(self) -> None:
        unsent = self._unsent
        try:
            sent = self._sock.send(unsent[0]) if len(unsent) == 1 else self._sock.sendmsg(unsent[:16])
        except BlockingIOError:
            return
        except OSError:
            self.abort()
            return
        self.unsent_bytes -= sent
        while sent:
            first = unsent[0]
            if sent < len(first):
                unsent[0] = first[sent:]
                break
            sent -= len(unsent.pop(0))
        if not unsent:
            self._sent_all()

    def _sent_all(self) -> None:
        self._watch(self._events & ~WRITE)
        if self.is_closing:
            self.abort()
            return
        if self._is_ending:
            self._shut()
        if self._is_paused:
            self._is_paused = False
            self._receiver.resume_writing()

    def _shut(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.abort()


class Acceptor:
    """Takes connections from a listening socket and hands each to `accepted`, until it is closed."""

    def __init__(self, loop: Loop, sock: socket.socket, accepted: Callable[[socket.socket], object]) -> None:
        self._loop = loop
        self._sock = sock
        self._accepted = accepted
        self._is_watched = False
        self._is_open = True
        self._watch()

    def close(self) -> None:
        """Take who has been waiting in the kernel's queue, then let go of the listening socket."""
        if not self._is_open:
            return
        while self._accept():
            pass
        self._is_open = False
        self._rest()
        self._sock.close()

    def _watch(self) -> None:
        if self._is_open and not self._is_watched:
            self._is_watched = True
            self._loop.watch(self._sock, READ, self._ready)

    def _rest(self) -> None:
        if self._is_watched:
            self._is_watched = False
            self._loop.forget(self._sock)

    def _ready(self, _events: int) -> None:
        for _ in range(_ACCEPTS_A_TURN):
            if not self._accept():
                return

    def _accept(self) -> bool:
        """Whether there was one, so that another may follow."""
        try:
            sock, _ = self._sock.accept()
        except BlockingIOError:
            return False
        except ConnectionAbortedError:  # it is gone already
            return True
        except OSError:  # out of file descriptors or memory: at once, it would fail again
            self._rest()
            self._loop.call_later(_ACCEPT_PAUSE_S, self._watch)
            return False
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._accepted(sock)
        return True
