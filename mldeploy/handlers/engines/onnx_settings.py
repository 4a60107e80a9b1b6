"""How ONNX Runtime is set up, the same for the lean and the stock engine, so that their answers are equal bit for bit."""

from __future__ import annotations

import os

from mldeploy.handlers.config import ServingConfig, available_cores
from mldeploy.handlers.engines import EngineError
from mldeploy.handlers.manifest import Manifest

# OrtLoggingLevel: errors come back as a status and are in the runtime's own log then; warnings are about the machine (no GPU
# found, unknown CPU). Neither is to be written to stderr as well.
LOG_FATAL = 4

# GraphOptimizationLevel, by the names of onnxruntime's own. A bundle's graph is already optimised; "disabled" loads fastest.
LEVELS: dict[str, int] = {"disabled": 0, "basic": 1, "extended": 2, "all": 99}

# A worker thread that waits for its part of the next operator spins, but briefly, and not at all between two runs. Measured on
# two cores (EfficientNet-Lite0, one request / eight at once): no spinning 5.2 ms and 182 /s, ONNX Runtime's own default
# 4.5 ms and 171 /s (and 79 /s when anything else wants a core), this 4.6 ms and 182 /s. One thread: 8.5 ms and 184 /s.
CONFIG_ENTRIES: tuple[tuple[str, str], ...] = (
    ("session.intra_op.spin_duration_us", "50"),
    ("session.force_spinning_stop", "1"),
)


def switch_telemetry_off() -> None:
    """Keep ONNX Runtime (1.29 and later) from writing a device id to disk and sending usage data; read when it starts.

    Whoever wants it on says so with ORT_DISABLE_TELEMETRY=0.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def thread_count(config: ServingConfig) -> int:
    """Threads within one operator: as configured, or one a core."""
    return config.threads or available_cores()


def optimisation_level(manifest: Manifest) -> int:
    """The level that bundle.json asks for under engine.optimisation, "all" by default."""
    name = (manifest.raw.get("engine") or {}).get("optimisation", "all")
    if name not in LEVELS:
        raise EngineError(f"bundle.json: engine.optimisation is {name!r}; it must be one of {', '.join(LEVELS)}")
    return LEVELS[name]
