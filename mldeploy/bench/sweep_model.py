"""A sweep without a container engine: one process's times on this machine, stretched to a share of a processor. Modelled.

    RuntimeProcess ─profile─▶ Profile (wall and processor time of each request) ─modelled(place)─▶ Seen

The kernel grants a share s as a quota of s × 100 ms in every period of 100 ms: a process runs at full speed until the quota is
used, then it stands still until the period ends. So a request of t ms of processor time, at full speed v (processors used while
it runs), takes t / v where it fits into what is left of a period and its quota; else it stands still at least once. When in a
period a request comes is chance: phases are drawn from a fixed seed. Back to back it takes no less than t / s.

What the model leaves out: caches that cool while a process stands still, the engine's own work, and memory that is short; a
place is out of memory when the process alone was larger than it.
"""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from mldeploy.bench import sweep
from mldeploy.bench.load import request_bytes
from mldeploy.bench.measure import Call, first_answer_ms
from mldeploy.bench.memory import memory_bytes
from mldeploy.bench.runtime import RuntimeProcess
from mldeploy.bench.sweep import Place, Seen
from mldeploy.bench.sweep_line import Line
from mldeploy.progress import Reporter

PERIOD_MS = 100.0
METHOD = "modelled, not throttled"


@dataclass(frozen=True, slots=True)
class Took:
    """One request or start, unthrottled: time on the clock, and of processors."""

    wall_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A runtime process on this machine without limits."""

    requests: tuple[Took, ...]
    busy: Took
    starts: tuple[Took, ...]
    peak_memory_mb: float


def stretched(took: Took, share: float, phase_ms: float = 0.0) -> float:
    """Milliseconds that it takes alone with `share` of a processor, when it comes `phase_ms` after a period began; never less
    than without a limit."""
    speed = took.cpu_ms / took.wall_ms if took.wall_ms > 0 else 0.0
    if speed <= share:
        return took.wall_ms
    quota_ms, left_ms = share * PERIOD_MS, PERIOD_MS - phase_ms
    first_ms = min(quota_ms, speed * left_ms)
    if took.cpu_ms <= first_ms:
        return took.wall_ms
    rest_ms = took.cpu_ms - first_ms
    used_up = math.ceil(rest_ms / quota_ms) - 1
    return left_ms + used_up * PERIOD_MS + (rest_ms - used_up * quota_ms) / speed


def modelled(profile: Profile, place: Place) -> Seen:
    """What `place` would do."""
    if profile.peak_memory_mb > place.memory_mb:
        return Seen(peak_memory_mb=profile.peak_memory_mb, is_out_of_memory=True)
    random = Random(sweep.SEED)  # noqa: S311  phases, no secrets

    def alone(took: Took) -> float:
        return stretched(took, place.cpu, random.uniform(0, PERIOD_MS))

    return Seen(
        quiet_ms=tuple(map(alone, profile.requests)),
        busy_ms=max(profile.busy.wall_ms, profile.busy.cpu_ms / place.cpu),
        cpu_ms=profile.busy.cpu_ms,
        starts_ms=tuple(map(alone, profile.starts)),
        peak_memory_mb=profile.peak_memory_mb,
    )


def profile(bundle: Path, environ: Mapping[str, str], call: Call, starts: int, busy_s: float, report: Reporter) -> Profile:
    """Start the runtime `starts` times, then send requests to the last one. Raises DeployError when it does not answer."""
    taken: list[Took] = []
    with report.step("profile", "one process, without limits") as step:
        for number in range(max(1, starts)):
            with RuntimeProcess(bundle, environ, output=subprocess.DEVNULL) as runtime:
                runtime.accept()
                wall_ms = first_answer_ms(runtime, call)
                taken.append(Took(wall_ms, started_ms(runtime.pid) or wall_ms))
                step.update(f"{number + 1} of {starts} starts")
                if number < starts - 1:
                    continue
                made = _asked(runtime, call, tuple(taken), busy_s)
        step.done(f"{made.busy.wall_ms:.2f} ms a request, {made.busy.cpu_ms:.2f} ms of it on processors")
    return made


def _asked(runtime: RuntimeProcess, call: Call, starts: tuple[Took, ...], busy_s: float) -> Profile:
    line = Line(("127.0.0.1", runtime.port), request_bytes(call.job(1, 0)))
    requests: list[Took] = []

    def ask() -> float:
        before_ms = processor_ms(runtime.pid)
        wall_ms = line.ask()
        after_ms = processor_ms(runtime.pid)
        # Where the system does not tell, all of it is counted as processor time: slower than it is, never faster.
        cpu_ms = wall_ms if before_ms is None or after_ms is None else after_ms - before_ms
        requests.append(Took(wall_ms, cpu_ms))
        return wall_ms

    with line:
        for _ in range(sweep.LEAST_REQUESTS):
            line.ask()
        sweep.quiet(ask)
        before_ms = processor_ms(runtime.pid)
        walls = sweep.busy(line.ask, busy_s)
        after_ms = processor_ms(runtime.pid)
    mean_ms = sum(walls) / len(walls)
    cpu_ms = mean_ms if before_ms is None or after_ms is None else (after_ms - before_ms) / len(walls)
    memory = memory_bytes(runtime.pid)
    peak_mb = memory.get("peak_rss", memory.get("rss", 0)) / (1 << 20)
    return Profile(tuple(requests), Took(mean_ms, cpu_ms), starts, peak_mb)


def processor_ms(pid: int) -> float | None:
    """Processor time of a process's living threads, to the nanosecond; None where the system does not tell."""
    try:
        threads = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    except OSError:
        return None
    return sum(int(text.split()[0]) for text in threads) / 1e6 if any(threads) else None


def started_ms(pid: int) -> float:
    """Processor time of a process with all threads that it ever had, in ticks (10 ms); 0 where the system does not tell."""
    try:
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return 0.0
    return sum(map(int, ticks)) * 1e3 / os.sysconf("SC_CLK_TCK")
