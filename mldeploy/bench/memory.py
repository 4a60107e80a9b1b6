"""How much memory a process takes: PSS where the kernel tells (shared pages counted by their share), RSS everywhere."""

from __future__ import annotations

import subprocess
from pathlib import Path


def memory_bytes(pid: int) -> dict[str, int]:
    """`{"pss": …, "rss": …, "peak_rss": …}`, whatever of it can be known; empty when the process is gone."""
    found: dict[str, int] = {}
    for name, file, key in (("pss", "smaps_rollup", "Pss:"), ("rss", "status", "VmRSS:"), ("peak_rss", "status", "VmHWM:")):
        value = _kilobytes(Path(f"/proc/{pid}/{file}"), key)
        if value is not None:
            found[name] = value * 1024
    return found or _from_ps(pid)


def _kilobytes(path: Path, key: str) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(key)), None)


def _from_ps(pid: int) -> dict[str, int]:
    """RSS where there is no /proc (macOS)."""
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    text = done.stdout.strip()
    return {"rss": int(text) * 1024} if text.isdigit() else {}
