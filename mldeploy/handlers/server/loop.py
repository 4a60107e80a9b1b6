"""The event loop: waits for sockets, timers, signals and other threads, and calls back on one thread.

asyncio and uvloop would do the same and more; importing them takes as long as everything else between the start of the process
and its first answer put together (docs/adr/0002-server.md has the figures). What a server of short requests needs of a loop is
the page below, over the standard library's `selectors`: epoll on Linux, kqueue on macOS.
"""

from __future__ import annotations

import signal
import socket
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from time import monotonic

READ, WRITE = EVENT_READ, EVENT_WRITE

Callback = Callable[..., object]
Ready = Callable[[int], object]


class Timer:
    """A call at a time; `cancel` makes it none."""

    __slots__ = ("args", "callback", "when_s")

    def __init__(self, when_s: float, callback: Callback, args: tuple[object, ...]) -> None:
        self.when_s = when_s
        self.callback: Callback | None = callback
        self.args = args

    def cancel(self) -> None:
        self.callback = None
        self.args = ()

    def __lt__(self, other: Timer) -> bool:
        return self.when_s < other.when_s


class Loop:
    """`failed` hears of an exception that a callback let out; the loop goes on. Only `call_threadsafe` is for other threads."""

    def __init__(self, failed: Callable[[BaseException], object]) -> None:
        self._failed = failed
        self._selector = DefaultSelector()
        self._timers: list[Timer] = []
        self._ends: list[Callable[[], object]] = []
        self._soon: deque[tuple[Callback, tuple[object, ...]]] = deque()
        self._result: int | None = None
        self._waker, self._wakened = socket.socketpair()
        for end in (self._waker, self._wakened):
            end.setblocking(False)
        self.watch(self._wakened, READ, self._drop_wake_bytes)

    def watch(self, sock: socket.socket, events: int, ready: Ready) -> None:
        """Call `ready(events)` whenever `sock` is ready for one of `events`."""
        self._selector.register(sock, events, ready)

    def change(self, sock: socket.socket, events: int, ready: Ready) -> None:
        self._selector.modify(sock, events, ready)

    def forget(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)

    def call_soon(self, callback: Callback, *args: object) -> None:
        """Call in the next round, after the sockets that are ready now."""
        self._soon.append((callback, args))

    def call_at_end(self, callback: Callable[[], object]) -> None:
        """Call in this round, once every socket that is ready has had its turn, and before what `call_soon` was given."""
        self._ends.append(callback)

    def call_later(self, seconds: float, callback: Callback, *args: object) -> Timer:
        timer = Timer(monotonic() + seconds, callback, args)
        heappush(self._timers, timer)
        return timer

    def call_threadsafe(self, callback: Callback, *args: object) -> None:
        """`call_soon` from any thread, or from a signal handler."""
        self._soon.append((callback, args))
        try:
            self._waker.send(b"\0")
        except OSError:  # full: it is awake already; closed: nobody listens any more
            return

    def on_signals(self, numbers: tuple[int, ...], callback: Callback) -> None:
        """Call back when one of these signals arrives. Main thread only."""
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda _number, _frame: self.call_soon(callback))

    def run(self) -> int:
        """Until `stop`; its argument."""
        select = self._selector.select
        while self._result is None:
            for key, events in select(self._patience_s()):
                try:
                    key.data(events)
                except Exception as error:
                    self._failed(error)
            self._call_ends()
            self._call_due()
            self._call_ends()
        return self._result

    def stop(self, result: int) -> None:
        self._result = result

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._waker.close()
        self._wakened.close()

    def _patience_s(self) -> float | None:
        if self._soon or self._ends:
            return 0.0
        return max(0.0, self._timers[0].when_s - monotonic()) if self._timers else None

    def _call_ends(self) -> None:
        while self._ends:
            ends, self._ends = self._ends, []
            for callback in ends:
                self._call(callback, ())

    def _call_due(self) -> None:
        soon = self._soon
        for _ in range(len(soon)):  # what these add is for the next round: sockets have their turn in between
            self._call(*soon.popleft())
        timers = self._timers
        now = monotonic() if timers else 0.0
        while timers and timers[0].when_s <= now:
            timer = heappop(timers)
            if timer.callback:
                self._call(timer.callback, timer.args)

    def _call(self, callback: Callback, args: tuple[object, ...]) -> None:
        try:
            callback(*args)
        except Exception as error:
            self._failed(error)

    def _drop_wake_bytes(self, _events: int) -> None:
        self._wakened.recv(4096)
