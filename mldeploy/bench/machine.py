"""What the figures were measured on: they mean nothing without it."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Mapping
from pathlib import Path


def today() -> str:
    """Date and time of the measurement, UTC, to the minute."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def machine() -> Mapping[str, str]:
    """Processor, cores at hand, system, and the versions that matter."""
    from importlib.metadata import version

    from mldeploy import __version__
    from mldeploy.handlers.config import available_cores

    return {
        "processor": _processor(),
        "cores": str(available_cores()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
        "mldeploy": __version__,
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
