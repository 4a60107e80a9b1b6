"""Loads the model on a thread of its own while the main thread imports the event loop: most of both is not Python.

start ─▶ Runtime(bundle) ─▶ `created` ─▶ runtime.load() ─▶ `then`
"""

from __future__ import annotations

import _thread
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mldeploy.handlers.config import ServingConfig
    from mldeploy.handlers.core import Runtime
    from mldeploy.handlers.engines import Engine


def _none() -> Engine | None:
    return None


def _plain(bundle: str, config: ServingConfig) -> Runtime:
    from mldeploy.handlers.core import Runtime

    return Runtime(bundle, config)


class LoadError(Exception):
    """The bundle cannot be served; the message is one line for a person."""


class Loader:
    """`opened` may wait, and returns an engine that was opened ahead. `make` is a platform's own kind of runtime. `error` and
    `seconds` are of use once `then` has called back."""

    def __init__(
        self,
        bundle: str,
        config: ServingConfig,
        opened: Callable[[], Engine | None] = _none,
        make: Callable[[str, ServingConfig], Runtime] | None = None,
    ) -> None:
        self._bundle = bundle
        self._opened = opened
        self._make = make or _plain
        self._config = config
        self._creating = _thread.allocate_lock()
        self._lock = _thread.allocate_lock()
        self._runtime: Runtime | None = None
        self._callback: Callable[[], object] | None = None
        self.is_done = False
        self.error: LoadError | None = None
        self.seconds = 0.0

    def start(self) -> None:
        """Load on a thread."""
        self._creating.acquire()
        _thread.start_new_thread(self.work, ())

    def created(self) -> Runtime:
        """Wait for the runtime (not for its model). Raises LoadError if the bundle cannot even be read."""
        with self._creating:
            if self._runtime is None:
                raise self.error or LoadError("the bundle cannot be read")
            return self._runtime

    def then(self, callback: Callable[[], object]) -> None:
        """Call back once loading has ended, on this thread if it has already, else on the loading thread."""
        with self._lock:
            self._callback = callback
            is_done = self.is_done
        if is_done:
            callback()

    def work(self) -> None:
        """Load here."""
        began_s = perf_counter()
        try:
            try:
                self._runtime = runtime = self._make(self._bundle, self._config)
            finally:
                if self._creating.locked():
                    self._creating.release()
            runtime.load(self._opened())
        except BaseException as error:  # a hook can raise anything while it is imported, SystemExit too
            detail = " ".join(str(error).split())
            self.error = LoadError(detail if _is_meant(error) else f"{type(error).__name__}: {detail}")
        self.seconds = perf_counter() - began_s
        with self._lock:
            self.is_done = True
            callback = self._callback
        if callback:
            callback()


def _is_meant(error: BaseException) -> bool:
    from mldeploy.handlers.config import ConfigError
    from mldeploy.handlers.engines import EngineError
    from mldeploy.handlers.manifest import ManifestError

    return isinstance(error, (ConfigError, EngineError, ManifestError))
