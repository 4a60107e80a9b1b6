"""How long a comparison of everything takes: every cloud, region, size and product, the command's start included, on one core.

    python benchmarks/cost.py [--runs 7]

Runs `mldeploy compare --region all --all` on the digits example with a given time of a request, as CSV and as the HTML report,
each in a process of its own that is pinned to one core. Prints rows or size, and median and least seconds of wall and processor
time.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "examples" / "digits" / "mldeploy.yaml"
COMMAND = [sys.executable, "-P", "-m", "mldeploy.cli", "compare", "-q", "-f", str(SPEC), "--region", "all", "--all"]
WORKLOAD = ["--requests", "3M", "--duration-ms", "50"]


def run(form: str) -> tuple[float, float, bytes]:
    """Seconds of wall time, seconds of processor time, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started_s = time.perf_counter()
    done = subprocess.run([*COMMAND, *WORKLOAD, "--format", form], stdout=subprocess.PIPE, check=True)
    wall_s = time.perf_counter() - started_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall_s, spent_s, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    print(f"{platform.machine()} · Python {platform.python_version()} · load before {os.getloadavg()[0]:.2f}")
    for form in ("csv", "html"):
        samples = [run(form) for _ in range(options.runs)]
        walls_s, spent_s = [sample[0] for sample in samples], [sample[1] for sample in samples]
        text = samples[0][2]
        rows = len(text.splitlines()) - 1
        size = f"{rows:,} rows" if form == "csv" else f"{len(text) / 1e3:,.0f} kB"
        print(f"{form:<5} {size:>12}   wall {statistics.median(walls_s):.2f} s (least {min(walls_s):.2f})", end="")
        print(f"   processor {statistics.median(spent_s):.2f} s (least {min(spent_s):.2f})")


if __name__ == "__main__":
    main()
