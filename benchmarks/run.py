"""The benchmark: ours beside its peers, in one run, as a Markdown table with the targets and whether they were met.

    python -m venv peers-env && peers-env/bin/pip install -r benchmarks/peers/requirements.txt
    python benchmarks/run.py --peers peers-env/bin/python [--rounds 7] [--seconds 4] [--write docs/benchmarks.md]

Needs wrk. Run it on a quiet machine: it takes about five minutes.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import measure
import servers

HERE = Path(__file__).parent
BARE = (
    "import sys, onnxruntime, numpy\nsession = onnxruntime.InferenceSession(sys.argv[1])\n"
    "session.run(None, {session.get_inputs()[0].name: numpy.zeros((1, 64), numpy.float32)})\n"
)
WAIT = "print('ok', flush=True)\nsys.stdin.read()\n"
LOOP = (
    "import json, os, sys, time\nimport session\ndata = open(sys.argv[1], 'rb').read()\ntimes = []\n"
    "for _ in range(int(sys.argv[2])):\n"
    "    start = time.perf_counter()\n    session.SESSION.run([session.OUTPUT], {session.NAME: session.preprocess(data)})\n"
    "    times.append(time.perf_counter() - start)\n"
    "print(sorted(times[5:])[len(times[5:]) // 2])\n"
)
EMPTY_CLICK = "import click\n@click.group()\ndef main():\n    pass\nmain()\n"


@dataclass(frozen=True)
class Row:
    """One server's figures; None where it was not measured."""

    name: str
    cold_ms: float | None
    p50_us: float
    eight_per_s: float
    pss_mb: float | None


@dataclass(frozen=True)
class Target:
    """One figure that was promised: what was measured, the bound, and whether smaller is better."""

    what: str
    measured: float
    bound: float
    smaller_is_better: bool = True

    @property
    def is_met(self) -> bool:
        return self.measured <= self.bound if self.smaller_is_better else self.measured >= self.bound


def free_ports() -> Iterator[int]:
    """Ports that were free a moment ago, each once."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        yield port


def measure_server(server: measure.Server, ports: Iterator[int], rounds: int, seconds: int) -> Row:
    cold = measure.cold_start_s(server, ports, rounds)[0] * 1e3
    port = next(ports)
    with measure.running(server, port) as (process, _):
        memory = measure.pss_mb(process.pid)
        measure.wrk(port, server.call, 1, 1)
        one = measure.wrk(port, server.call, 1, seconds)
        eight = measure.wrk(port, server.call, 8, seconds)
        if one.errors or eight.errors:
            raise RuntimeError(f"{server.name}: {one.errors + eight.errors} failed answers")
    row = Row(server.name, cold, one.p50_us, eight.per_second, memory)
    print(
        f"  {row.name:28} cold {row.cold_ms:7.1f} ms   p50 {row.p50_us:8.0f} us   8 conn {row.eight_per_s:8.0f} /s"
        f"   {row.pss_mb:6.1f} MB",
        file=sys.stderr,
        flush=True,
    )
    return row


def bare_memory_mb(model: Path) -> float:
    """PSS of the bare process after its first run."""
    with subprocess.Popen(
        [sys.executable, "-c", BARE + WAIT, str(model)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        memory = measure.pss_mb(process.pid)
        process.kill()
    return memory


def loop_s(case: servers.Case, rounds: int) -> float:
    """Median of decode + preprocess + session.run in one process, seconds."""
    photograph = servers.EXAMPLES / "imagenet/coffee.jpg"
    environment = {**os.environ, **case.peer_environment()}
    done = subprocess.run(
        [sys.executable, "-c", LOOP, str(photograph), str(rounds)], env=environment, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def table(title: str, rows: list[Row], unit_us: bool) -> str:
    lines = [
        f"### {title}",
        "",
        "| server | cold start, ms | p50, 1 connection | 8 connections, /s | memory after load, MB |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        latency = f"{row.p50_us:.0f} µs" if unit_us else f"{row.p50_us / 1000:.1f} ms"
        cold = "–" if row.cold_ms is None else f"{row.cold_ms:.0f}"
        memory = "–" if row.pss_mb is None else f"{row.pss_mb:.0f}"
        lines.append(f"| {row.name} | {cold} | {latency} | {row.eight_per_s:,.0f} | {memory} |")
    return "\n".join(lines)


def targets_table(targets: list[Target]) -> str:
    lines = ["### Targets", "", "| what | measured | bound | |", "|---|---:|---:|---|"]
    for target in targets:
        sign = "≤" if target.smaller_is_better else "≥"
        lines.append(
            f"| {target.what} | {target.measured:.2f} | {sign} {target.bound:g} | {'met' if target.is_met else '**missed**'} |"
        )
    return "\n".join(lines)


def command_targets(rounds: int) -> list[Target]:
    """Start-up of the command line."""
    program = str(Path(sys.executable).with_name("mldeploy"))
    spec = str(servers.EXAMPLES / "digits/mldeploy.yaml")
    empty = measure.spawn_s([sys.executable, "-c", EMPTY_CLICK, "--help"], {}, HERE, rounds * 3)[0]
    helped = measure.spawn_s([program, "--help"], {}, HERE, rounds * 3)[0]
    measure.spawn_s([program, "preview", "-f", spec], {}, HERE, 1)
    return [
        Target("`mldeploy --help` / an empty click program", helped / empty, 1.5),
        Target("`mldeploy validate`, seconds", measure.spawn_s([program, "validate", "-f", spec], {}, HERE, rounds)[0], 1),
        Target("`mldeploy preview`, seconds", measure.spawn_s([program, "preview", "-f", spec], {}, HERE, rounds)[0], 1),
    ]


def machine() -> str:
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {model}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def versions(python: Path) -> str:
    names = "functions-framework fastapi uvicorn litserve bentoml onnxruntime numpy"
    code = f"from importlib.metadata import version as v; print(', '.join(n + ' ' + v(n) for n in '{names}'.split()))"
    return subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def run(peers_python: Path, rounds: int, seconds: int) -> str:
    """Measure everything; returns the Markdown report."""
    ports = free_ports()
    with tempfile.TemporaryDirectory() as folder:
        cases = servers.cases(Path(folder))
        tiny, cnn = cases["tiny"], cases["cnn"]
        bare_s = measure.spawn_s([sys.executable, "-c", BARE, str(tiny.model)], {}, HERE, rounds)[0]
        bare_mb = bare_memory_mb(tiny.model)
        echo = servers.echo(tiny)
        with measure.running(echo, port := next(ports)):
            measure.wrk(port, echo.call, 1, 1)
            echo_load = measure.wrk(port, echo.call, 1, seconds)
            echo_eight = measure.wrk(port, echo.call, 8, seconds)
        rows: dict[str, dict[str, Row]] = {}
        for case in (tiny, cnn):
            print(case.name, file=sys.stderr)
            entrants = [servers.ours(case, "lean"), servers.ours(case, "stock"), *servers.peers(case, peers_python)]
            rows[case.name] = {s.name: measure_server(s, ports, rounds, seconds) for s in entrants}
        in_process_s = loop_s(cnn, 200)
    small, big = rows["tiny"], rows["cnn"]
    lean, stock, framework = small["mldeploy (lean)"], small["mldeploy (stock)"], small["functions-framework"]
    targets = [
        Target("tiny: p50 / asyncio echo's", lean.p50_us / echo_load.p50_us, 2),
        Target("tiny: throughput at 8 connections / functions-framework's", lean.eight_per_s / framework.eight_per_s, 5, False),
        Target("tiny: throughput at 8 connections / LitServe's", lean.eight_per_s / small["LitServe"].eight_per_s, 8, False),
        Target("CNN: p50 / (decode + preprocess + run in a loop)", big["mldeploy (lean)"].p50_us / 1e6 / in_process_s, 1.10),
        Target("cold start, stock binding / bare process", (stock.cold_ms or 0) / 1e3 / bare_s, 1.6),
        Target("cold start, lean engine / bare process", (lean.cold_ms or 0) / 1e3 / bare_s, 0.6),
        Target("cold start, lean engine / functions-framework's", (lean.cold_ms or 0) / (framework.cold_ms or 1), 0.25),
        Target("memory after load, lean / bare process", (lean.pss_mb or 0) / bare_mb, 1.3),
        Target("memory after load, stock / bare process", (stock.pss_mb or 0) / bare_mb, 1.3),
        *command_targets(rounds),
    ]
    echo_row = Row(echo.name, None, echo_load.p50_us, echo_eight.per_second, None)
    notes = (
        f"Bare process (`python -c` import onnxruntime, session, run): {bare_s * 1e3:.0f} ms, {bare_mb:.0f} MB. "
        f"Decode + preprocess + `session.run` in a loop: {in_process_s * 1e3:.2f} ms. "
        f"Peers: {versions(peers_python)}. Cold start: spawn to first right answer, median of {rounds}. "
        f"Load: `wrk -t1`, {seconds} s each, default settings of every server, log to a file."
    )
    return (
        "\n\n".join(
            [
                f"Measured {datetime.date.today().isoformat()} on {machine()}.",
                targets_table(targets),
                table("Tiny model (digits, JSON in and out)", [echo_row, *small.values()], True),
                table("CNN (EfficientNet-Lite0, JPEG in, labels out)", list(big.values()), False),
                notes,
            ]
        )
        + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, required=True, help="python of the environment with the peers")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--write", type=Path, help="replace the part between the markers in this Markdown file")
    arguments = parser.parse_args()
    report = run(arguments.peers.absolute(), arguments.rounds, arguments.seconds)
    print(report)
    if arguments.write:
        before, begin, rest = arguments.write.read_text().partition("<!-- figures -->\n")
        _, end, after = rest.partition("<!-- /figures -->")
        arguments.write.write_text(f"{before}{begin}\n{report}\n{end}{after}")


if __name__ == "__main__":
    main()
