"""The life of the process, on one event loop.

listening ─▶ loading ─▶ ready ─▶ draining ─▶ gone
    │           └─ failed: one line, exit 1      ▲
    └─ connections wait in the kernel            └─ `drain`, SIGTERM, SIGINT, the supervisor's end: exit 0
                                                    the model hangs on every thread we would give it: exit 75
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from time import perf_counter

from mldeploy.handlers.server.control import Control
from mldeploy.handlers.server.listen import describe
from mldeploy.handlers.server.loader import Loader
from mldeploy.handlers.server.loop import Loop
from mldeploy.handlers.server.protocol import Connection
from mldeploy.handlers.server.service import Service
from mldeploy.handlers.server.stream import Acceptor

EXIT_FAILED = 1
EXIT_STUCK = 75
# Draining is over after the longest prediction and this, whatever clients do.
_DRAIN_MARGIN_S = 5.0
_DRAIN_TICK_S = 0.02


class App:
    """Puts sockets, service, model and control line together. `run` returns the exit code."""

    def __init__(self, loader: Loader, public: socket.socket, private: socket.socket | None, control: Control | None) -> None:
        self._loader = loader
        self._public = public
        self._control = control
        self._url = describe(public)
        self._loop = Loop(self._failed)
        self._service = Service(loader.created(), self._loop, self._exhausted)
        self._acceptors: list[Acceptor] = []
        self._code = 0
        self._drain_until_s = 0.0
        self._loop.on_signals((signal.SIGTERM, signal.SIGINT), self._interrupted)
        if private:
            self._serve(private, is_private=True)
        if control:
            control.attach(self._loop, self.accept, self.drain)
        else:
            self.accept()
        loader.then(lambda: self._loop.call_threadsafe(self._loaded))

    def run(self) -> int:
        """Until drained."""
        code = self._loop.run()
        if self._loader.is_done and not self._service.pool.is_busy:
            self._service.pool.close()
            self._loop.close()
            return code
        # Threads are inside native code or a hook: joining them may take for ever, unloading code under them may crash.
        os._exit(code)

    def accept(self) -> None:
        """Begin with the public socket."""
        if self._public.fileno() >= 0 and not self._drain_until_s:
            self._serve(self._public, is_private=False)

    def drain(self, code: int = 0) -> None:
        """Finish what is open, then end with `code`."""
        self._code = self._code or code
        if self._drain_until_s:
            return
        self._drain_until_s = perf_counter() + self._service.config.timeout_s + _DRAIN_MARGIN_S
        for acceptor in self._acceptors:
            acceptor.close()
        self._service.drain()
        self._check_drained()

    def _serve(self, sock: socket.socket, *, is_private: bool) -> None:
        self._acceptors.append(Acceptor(self._loop, sock, lambda client: Connection(self._service, client, is_private)))

    def _check_drained(self) -> None:
        self._service.sweep()
        if not self._service.connections or perf_counter() > self._drain_until_s:
            self._loop.stop(self._code)
        else:
            self._loop.call_later(_DRAIN_TICK_S, self._check_drained)

    def _loaded(self) -> None:
        error = self._loader.error
        if error:
            self._say(f"cannot serve the bundle: {error}")
            if self._control:
                self._control.send(f"failed {error}")
            self._loop.stop(EXIT_FAILED)
            return
        self._service.loaded()
        gc.freeze()  # what is loaded now stays: never look through it again
        gc.enable()
        load_ms = round(self._loader.seconds * 1000, 1)
        self._say(f"{self._service.runtime.manifest.name} is ready on {self._url} ({load_ms:g} ms)")
        if self._control:
            self._control.send(f'ready {{"load_ms":{load_ms:g}}}')

    def _interrupted(self) -> None:
        """The first signal drains, the second one does not wait."""
        if self._drain_until_s:
            self._loop.stop(self._code)
        self.drain()

    def _exhausted(self) -> None:
        self._say("the model hangs on every thread it was given; draining for a restart")
        self._service.is_unhealthy = True
        self._service.runtime.is_ready = False
        self.drain(EXIT_STUCK)

    def _failed(self, error: BaseException) -> None:
        self._say(f"a bug in the server, which goes on: {type(error).__name__}: {error}")

    def _say(self, text: str) -> None:
        try:
            os.write(2, f"mldeploy: {text}\n".encode())
        except OSError:
            return
