"""The order of a measurement: the floor, each concurrency, cold starts, memory. Everything in the Report came from this run.

Each part is bounded: a level by its duration, cold starts by their number, both by a timeout.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mldeploy.bench.load import Job, Level, answer_end, request_bytes
from mldeploy.bench.memory import memory_bytes
from mldeploy.bench.runtime import RuntimeProcess, listen
from mldeploy.errors import DeployError
from mldeploy.progress import Reporter

TIMEOUT_S = 60.0
FLOOR_S = 1.0
MEMORY_REQUESTS = 100
_CLIENT_GRACE_S = 60.0


@dataclass(frozen=True)
class Call:
    """The request to repeat, and where."""

    url: str
    path: str
    body: bytes
    content_type: str
    headers: Mapping[str, str]

    def job(self, concurrency: int, duration_s: float) -> Job:
        return Job(self.url, self.path, self.body.hex(), self.content_type, dict(self.headers), concurrency, duration_s)


@dataclass(frozen=True)
class Cold:
    """Spawn of the runtime to its first answer on this machine, each time in ms."""

    samples_ms: tuple[float, ...]


@dataclass(frozen=True)
class Memory:
    """Bytes of a fresh runtime, when it is ready and after `requests` answers: pss, rss, peak_rss, as far as known."""

    ready: Mapping[str, int]
    loaded: Mapping[str, int]
    requests: int


@dataclass(frozen=True)
class Report:
    """What was measured, and on what. `cold` and `memory` are None where only a URL was given."""

    name: str
    stage: str
    provider: str
    url: str
    request: str
    request_bytes: int
    levels: tuple[Level, ...]
    floor: Level | None
    cold: Cold | None = None
    memory: Memory | None = None
    machine: Mapping[str, str] = field(default_factory=dict)
    date: str = ""

    @property
    def errors(self) -> int:
        return sum(sum(level.errors.values()) for level in self.levels)


def run_client(job: Job) -> Level:
    """One level, in a client process. Raises DeployError when the endpoint cannot be reached."""
    text = json.dumps(job.__dict__)
    limit_s = job.duration_s + job.warm_up_s + job.timeout_s + _CLIENT_GRACE_S
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mldeploy.bench.load"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=limit_s,
    )
    if done.returncode != 0:
        last = done.stderr.strip().rpartition("\n")[2] or "it said nothing"
        raise DeployError(f"the load client failed: {last}")
    value = json.loads(done.stdout)
    if "failed" in value:
        raise DeployError(f"{job.url} does not answer: {value['failed']}", "mldeploy status · mldeploy up")
    return Level(**{**value, "curve_ms": [(share, ms) for share, ms in value["curve_ms"]]})


def floor(call: Call, answer_bytes: int, duration_s: float = FLOOR_S) -> Level:
    """What the same client sees from a server that does nothing, over loopback, with the same request and answer sizes."""
    with listen("127.0.0.1", 0) as listener:
        command = [sys.executable, "-P", "-m", "mldeploy.bench.echo", str(listener.fileno()), str(answer_bytes)]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(listener.fileno(),))
        try:
            return run_client(replace(call, url=f"http://127.0.0.1:{listener.getsockname()[1]}").job(1, duration_s))
        finally:
            server.communicate()


def levels(call: Call, concurrencies: Sequence[int], duration_s: float, report: Reporter) -> tuple[Level, ...]:
    """Each concurrency in turn."""
    found = []
    for concurrency in concurrencies:
        with report.step("load", f"{concurrency} at once") as step:
            level = run_client(call.job(concurrency, duration_s))
            p50 = f" · p50 {level.percentiles_ms['p50']:.2f} ms" if level.percentiles_ms else ""
            step.done(f"{concurrency} at once · {level.per_second:,.0f} a second{p50}")
        found.append(level)
    return tuple(found)


def first_answer_ms(runtime: RuntimeProcess, call: Call, timeout_s: float = 120.0) -> float:
    """From the runtime's spawn to the last byte of its first answer. The connection waits in the listening socket."""
    job = replace(call, url=runtime.url).job(1, 0)
    with socket.create_connection(("127.0.0.1", runtime.port), timeout=timeout_s) as connection:
        connection.sendall(request_bytes(job))
        data = bytearray()
        while answer_end(data) is None:
            chunk = connection.recv(65_536)
            if not chunk:
                raise DeployError("the runtime closed the connection before its first answer")
            data += chunk
    elapsed_ms = (time.perf_counter() - runtime.spawned_s) * 1e3
    if data[9:12] != b"200":
        raise DeployError(f"the first answer was {bytes(data[9:12]).decode('latin-1')}, not 200")
    return elapsed_ms


def cold_and_memory(bundle: Path, environ: Mapping[str, str], call: Call, rounds: int, report: Reporter) -> tuple[Cold, Memory]:
    """Start the runtime `rounds` times from nothing; look at the memory of the last one."""
    samples: list[float] = []
    memory = Memory({}, {}, 0)
    with report.step("cold", f"starting the runtime {rounds} times") as step:
        for number in range(rounds):
            with RuntimeProcess(bundle, environ, output=subprocess.DEVNULL) as runtime:
                runtime.accept()
                samples.append(first_answer_ms(runtime, call))
                if number == rounds - 1:
                    memory = _memory(runtime, call)
                runtime.drain()
            step.update(f"{number + 1} of {rounds} starts")
        step.done(f"{rounds} starts of the runtime")
    return Cold(tuple(samples)), memory


def _memory(runtime: RuntimeProcess, call: Call) -> Memory:
    ready = memory_bytes(runtime.pid)
    job = replace(call, url=runtime.url).job(1, 0)
    request = request_bytes(job)
    with socket.create_connection(("127.0.0.1", runtime.port), timeout=job.timeout_s) as connection:
        for _ in range(MEMORY_REQUESTS):
            connection.sendall(request)
            data = bytearray()
            while answer_end(data) is None:
                chunk = connection.recv(65_536)
                if not chunk:
                    raise DeployError("the runtime closed the connection while its memory was measured")
                data += chunk
    return Memory(ready, memory_bytes(runtime.pid), MEMORY_REQUESTS)
