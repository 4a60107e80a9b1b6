"""A head start for the model: the lean engine is opened on a thread before anything else of the runtime is imported.

Opening is native code that needs no Python (mapping the library, building the session), so it costs no wall time while the main
thread imports. Only the lean engine starts early: every other one imports libraries or the user's code, which must not happen
beside the runtime's own imports.
"""

from __future__ import annotations

import _thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mldeploy.handlers.config import ServingConfig
    from mldeploy.handlers.engines import Engine
    from mldeploy.handlers.manifest import Manifest


class HeadStart:
    """`begin` once; `engine` then waits for the engine. None means: open one the ordinary way, which also tells the error."""

    def __init__(self, bundle: str, config: ServingConfig) -> None:
        self._bundle = bundle
        self._config = config
        self._opening = _thread.allocate_lock()
        self._engine: Engine | None = None

    def begin(self) -> None:
        """Import what is needed to open the engine (here), and open it (on a thread)."""
        from mldeploy.handlers.manifest import ManifestError, read

        try:
            manifest = read(self._bundle)
        except ManifestError:
            return
        if manifest.format != "onnx" or self._config.engine == "stock":
            return
        from mldeploy.handlers.engines import lean  # noqa: F401

        self._opening.acquire()
        _thread.start_new_thread(self._open, (manifest,))

    def engine(self) -> Engine | None:
        """The opened engine, once."""
        with self._opening:
            engine, self._engine = self._engine, None
            return engine

    def _open(self, manifest: Manifest) -> None:
        from mldeploy.handlers.engines.lean import open_lean

        try:
            self._engine = open_lean(manifest, self._config)
        except Exception:
            self._engine = None  # whatever it was, it comes again where it is reported
        finally:
            self._opening.release()
