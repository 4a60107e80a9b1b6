"""How ONNX Runtime is set up, the same for the lean and the stock engine, so that their answers are equal bit for bit."""

from __future__ import annotations

import os

from mldeploy.handlers.config import ServingConfig, available_cores
from mldeploy.handlers.engines import EngineError
from mldeploy.handlers.manifest import Manifest

LOG_ERROR = 3  # OrtLoggingLevel: warnings are about the machine (no GPU found, unknown CPU), not about the model

# GraphOptimizationLevel. A bundle's graph is already optimised; "none" then loads it fastest.
LEVELS: dict[str, int] = {"none": 0, "basic": 1, "extended": 2, "all": 99}

# Idle worker threads must sleep: with spinning, the threads of one request take the cores from the next one.
CONFIG_ENTRIES: tuple[tuple[str, str], ...] = (
    ("session.intra_op.allow_spinning", "0"),
    ("session.inter_op.allow_spinning", "0"),
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
