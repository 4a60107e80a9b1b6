"""The store of what was measured on this machine: one sweep over sizes a bundle, as one JSON file.

    bench --sweep ─save─▶ state_dir()/measurements/<fingerprint>.json ─find─▶ Sweep ─timing.Measured─▶ Timing

A file is replaced as a whole or not at all. A bundle that changes has another fingerprint, and with it no measurement.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mldeploy import state
from mldeploy.cost.book import PriceError

VERSION = 1


@dataclass(frozen=True, slots=True)
class Point:
    """What one size did. `provider` and `product` say whose size it was; times are of one request, nothing beside it.

    `cpu` is the share that was granted, in vCPU; `cpu_ms` the processor time that one request took; `start_ms` from the start
    of the container or process to its first answer; `busy_ms` the mean of requests back to back, which use the share up.
    Where it ran out of memory there are no times (0).
    """

    provider: str
    product: str
    memory_mb: int
    cpu: float
    mean_ms: float = 0.0
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    cpu_ms: float = 0.0
    start_ms: float = 0.0
    peak_memory_mb: float | None = None
    requests: int = 0
    is_out_of_memory: bool = False
    busy_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """One series of points of one bundle. `method` says how ("Docker, CPU and memory limits", "modelled, not throttled")."""

    fingerprint: str
    name: str
    date: str
    machine: str
    method: str
    points: tuple[Point, ...]

    @property
    def is_modelled(self) -> bool:
        return self.method.startswith("modelled")


def path_of(fingerprint: str) -> Path:
    """Raises PriceError for what is no fingerprint, so that it never leads out of the folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", fingerprint):
        raise PriceError(f"'{fingerprint}' is no fingerprint of a bundle")
    return state.state_dir() / "measurements" / f"{fingerprint}.json"


def save(sweep: Sweep) -> Path:
    """Keep `sweep` in place of an earlier one of the same bundle. Raises DeployError when the state folder cannot be used."""
    path = path_of(sweep.fingerprint)
    state.make_folder(path.parent)
    text = json.dumps({"version": VERSION, **asdict(sweep)}, indent=1, allow_nan=False)
    state.write_atomically(path, text.encode())
    return path


def find(fingerprint: str) -> Sweep | None:
    """The sweep of a bundle; None when there is none. Raises PriceError for a file that is damaged."""
    path = path_of(fingerprint)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise state.state_error(path, error) from error
    try:
        return _sweep(json.loads(data))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PriceError(f"{path}: this is no measurement: {error}", "measure again: mldeploy bench --sweep") from error


def _sweep(written: dict[str, Any]) -> Sweep:
    if written["version"] != VERSION:
        raise ValueError(f"version {written['version']!r} is not {VERSION}")
    points = tuple(_point(number, row) for number, row in enumerate(written["points"]))
    fingerprint, name, date, machine, method = (str(written[each.name]) for each in fields(Sweep)[:-1])
    return Sweep(fingerprint, name, date, machine, method, points)


def _point(number: int, row: dict[str, Any]) -> Point:
    point = Point(**row)
    times = (point.mean_ms, point.cpu_ms, point.start_ms, point.p50_ms or 0, point.p95_ms or 0, point.p99_ms or 0)
    if not all(0 <= time < float("inf") for time in times) or not (point.cpu > 0 and point.memory_mb > 0):
        raise ValueError(f"points[{number}] holds a number that is none")
    return point
