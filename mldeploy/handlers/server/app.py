"""The life of the process, on one event loop.

    listening ─▶ loading ─▶ ready ─▶ draining ─▶ gone
        │           └─ failed: one line, exit 1      ▲
        └─ connections wait in the kernel            └─ `drain`, SIGTERM, SIGINT, the supervisor's end: exit 0
                                                        the model hangs on every thread we would give it: exit 75
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from time import perf_counter

import uvloop

from mldeploy.handlers.server.control import Control
from mldeploy.handlers.server.listen import BACKLOG, describe
from mldeploy.handlers.server.loader import Loader
from mldeploy.handlers.server.protocol import Connection
from mldeploy.handlers.server.service import Service

EXIT_FAILED = 1
EXIT_STUCK = 75
# Draining is over after the longest prediction and this, whatever clients do.
_DRAIN_MARGIN_S = 5.0
_DRAIN_TICK_S = 0.02


class App:
    """Puts sockets, service, model and control line together. `run` returns the exit code."""

    def __init__(self, loader: Loader, public: socket.socket, private: socket.socket | None, control: Control | None) -> None:
        self._loader = loader
        self._sockets = {False: public, True: private}
        self._control = control
        self._url = describe(public)
        self._code = 0
        self._draining = asyncio.Event()
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        self._loop = loop = asyncio.get_running_loop()
        self._service = service = Service(self._loader.created(), loop, self._exhausted)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._interrupted)
        accepted = asyncio.Event()
        if self._control:
            self._control.attach(loop, accepted.set, self.drain)
        else:
            accepted.set()
        self._loader.then(lambda: loop.call_soon_threadsafe(self._loaded))
        private = asyncio.create_task(self._accept(is_private=True))
        public = asyncio.create_task(self._accept(is_private=False, when=accepted))
        await self._draining.wait()
        service.drain()
        await self._drained()
        for task in (private, public):
            task.cancel()
        service.pool.close()
        return self._code

    @property
    def is_working(self) -> bool:
        """Whether threads are inside native code or a hook, so that the process must end without tearing them down."""
        return not self._loader.is_done or self._service.pool.is_busy

    def drain(self, code: int = 0) -> None:
        """Finish what is open, then end with `code`."""
        self._code = self._code or code
        self._draining.set()

    async def _accept(self, *, is_private: bool, when: asyncio.Event | None = None) -> None:
        """Serve one listening socket, from `when` until the drain."""
        sock = self._sockets[is_private]
        if sock is None:
            return
        if when:
            await when.wait()
        server = await self._loop.create_server(lambda: Connection(self._service, is_private), sock=sock, backlog=BACKLOG)
        await self._draining.wait()
        await asyncio.sleep(0)  # whoever is in the queue already comes in first
        server.close()

    def _loaded(self) -> None:
        if self._loader.error:
            self._say(f"cannot serve the bundle: {self._loader.error}")
            if self._control:
                self._control.send(f"failed {self._loader.error}")
            self._code = EXIT_FAILED
            self._stopping.set()
            self._draining.set()
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
        if self._draining.is_set():
            self._stopping.set()
        self.drain()

    def _exhausted(self) -> None:
        self._say("the model hangs on every thread it was given; draining for a restart")
        self._service.is_unhealthy = True
        self._service.runtime.is_ready = False
        self.drain(EXIT_STUCK)

    async def _drained(self) -> None:
        service = self._service
        until_s = perf_counter() + service.config.timeout_s + _DRAIN_MARGIN_S
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        while service.connections and perf_counter() < until_s and not self._stopping.is_set():
            service.sweep()
            await asyncio.sleep(_DRAIN_TICK_S)
        for connection in tuple(service.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    def _say(self, text: str) -> None:
        try:
            os.write(2, f"mldeploy: {text}\n".encode())
        except OSError:
            return


def serve(loader: Loader, public: socket.socket, private: socket.socket | None, control: Control | None) -> int:
    """Run until drained; the exit code. Ends the process itself if threads are still busy: joining them could take for ever."""
    loop = uvloop.new_event_loop()
    app = App(loader, public, private, control)
    code = loop.run_until_complete(app.run())
    if control:
        control.close()
    if app.is_working:
        os._exit(code)
    loop.close()
    return code
