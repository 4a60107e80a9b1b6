"""How things are measured: spawn to first answer, latency and throughput with wrk, memory from smaps_rollup.

All figures of one table come from one run on one machine; only their ratios travel. Needs Linux and wrk.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Call:
    """One request to repeat: its path, content type and body."""

    path: str
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Server:
    """A server to measure: how it is started (`{port}` is replaced), with which environment, and what is asked of it."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    call: Call
    folder: Path


@dataclass(frozen=True)
class Load:
    """One wrk run: median and 99th percentile in microseconds, answers per second, and answers that were not 2xx."""

    p50_us: float
    p99_us: float
    per_second: float
    errors: int


def median_and_minimum(values: Sequence[float]) -> tuple[float, float]:
    return statistics.median(values), min(values)


def answer_of(port: int, call: Call, timeout_s: float = 60.0) -> bytes | None:
    """Body of a 200 answer, or None while nothing answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("POST", call.path, call.body, {"content-type": call.content_type})
        response = connection.getresponse()
        body = response.read()
        return body if response.status == 200 else None
    except (ConnectionError, http.client.HTTPException, TimeoutError):
        return None
    finally:
        connection.close()


@contextmanager
def running(server: Server, port: int) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """The server in a process group of its own; yields it and the seconds from spawn to the first right answer."""
    environment = {**os.environ, **server.environment}
    command = [part.replace("{port}", str(port)) for part in server.command]
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, cwd=server.folder, stdout=output, stderr=output, start_new_session=True
        )
        try:
            while answer_of(port, server.call) is None:
                if process.poll() is not None or time.perf_counter() - start > 60:
                    output.seek(0)
                    raise RuntimeError(f"{server.name} did not answer: {output.read()[-2000:].decode(errors='replace')}")
                time.sleep(0.0005)
            yield process, time.perf_counter() - start
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def cold_start_s(server: Server, ports: Iterator[int], rounds: int) -> tuple[float, float]:
    """Median and minimum of spawn to first answer."""
    times = []
    for _ in range(rounds):
        with running(server, next(ports)) as (_, seconds):
            times.append(seconds)
    return median_and_minimum(times)


def spawn_s(command: Sequence[str], environment: dict[str, str], folder: Path, rounds: int) -> tuple[float, float]:
    """Median and minimum of running a command to its end."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run(command, env={**os.environ, **environment}, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return median_and_minimum(times)


def wrk(port: int, call: Call, connections: int, seconds: int) -> Load:
    """One thread of wrk against the server."""
    with tempfile.TemporaryDirectory() as folder:
        body, script = Path(folder, "body"), Path(folder, "post.lua")
        body.write_bytes(call.body)
        script.write_text(
            f'local f = io.open("{body}", "rb")\nwrk.method = "POST"\nwrk.body = f:read("*a")\nf:close()\n'
            f'wrk.headers["Content-Type"] = "{call.content_type}"\n'
            "done = function(summary, latency, requests)\n"
            '  io.write(string.format("RESULT %f %f %f %d\\n", latency:percentile(50), latency:percentile(99),\n'
            "    summary.requests / (summary.duration / 1e6),\n"
            "    summary.errors.status + summary.errors.read + summary.errors.timeout))\n"
            "end\n"
        )
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{port}{call.path}"],
            check=True,
            capture_output=True,
            text=True,
        )
    found = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+)", done.stdout)
    if found is None:
        raise RuntimeError(f"wrk said: {done.stdout}")
    return Load(float(found[1]), float(found[2]), float(found[3]), int(found[4]))


def pss_mb(leader: int) -> float:
    """Proportional set size of a process and its descendants, MB."""
    total_kb = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if os.getpgid(int(folder.name)) == leader:
                    total_kb += int(re.search(r"^Pss:\s+(\d+)", (folder / "smaps_rollup").read_text(), re.M)[1])  # type: ignore[index]
            except (OSError, TypeError):
                continue
    return total_kb / 1024
