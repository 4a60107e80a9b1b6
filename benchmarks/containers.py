"""How long a container takes to its first answer: ours for $PORT, against functions-framework's with a bare function.

    python benchmarks/containers.py [--runs 9]

Both run on the same engine, with the same base image, memory and two cores, one after the other in turn (so that the machine's
mood falls on both). Ours loads a model and predicts; the other returns a constant. The clock runs from the start of
the container to the first answer with status 200, asked every 5 ms. Prints the medians and their ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import importlib
import io
import json
import platform
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from mldeploy import bundle as bundles
from mldeploy import spec, state
from mldeploy.image import building, pins, wheels
from mldeploy.image.context import Entry, write_tar
from mldeploy.image.engine import Engine, connect
from mldeploy.image.unpacking import unpack
from mldeploy.progress import SilentReporter

ROOT = Path(__file__).parents[1]
BASE = "mldeploy-test/python:3.13"
RIVAL = "mldeploy-test/functions-framework:1"
BARE = "import functions_framework\n\n\n@functions_framework.http\ndef predict(request):\n    return 'ok'\n"
QUIET = SilentReporter()
EXAMPLES = {"digits": ("request.json", "application/json"), "imagenet": ("coffee.jpg", "image/jpeg")}


def rival(engine: Engine) -> None:
    """functions-framework with its locked packages, modules compiled, as its own container would have them."""
    with QUIET.step("") as step:
        chosen = pins.group("functions-framework")
        found = wheels.fetch(chosen, wheels.Target("3.13", "x86_64"), step)
        text = (
            f'FROM {BASE}\nCOPY tree/ /\nRUN ["python3", "-m", "compileall", "-q", "/function"]\n'
            "ENV PYTHONPATH=/function/packages HOME=/tmp PORT=8080\n"
            'CMD ["python3", "-m", "functions_framework", "--source", "/function/main.py", "--target", "predict"]\n'
        )
        entries = [Entry("Dockerfile", text.encode()), Entry("tree/function/main.py", BARE.encode())]
        for pin, wheel in zip(chosen, found, strict=True):
            entries += unpack(wheel, pin, "tree/function/packages")
        context = io.BytesIO()
        write_tar(context, entries)
        context.seek(0)
        building.follow(engine.build(context, "x86_64", RIVAL, is_fresh=False), step)


def ours(engine: Engine, example: str) -> tuple[str, dict[str, str]]:
    """The image of the cloud that serves on $PORT, and its environment."""
    provider = importlib.import_module("mldeploy.providers.gcp.provider").provider
    file = ROOT / "examples" / example / "mldeploy.yaml"
    loaded = spec.load(file, None, settings_models={provider.name: provider.Settings})
    packed = bundles.pack(loaded, state.bundle_store(), QUIET)
    plan = provider.plan(loaded, packed)
    plan = replace(plan, image=replace(plan.image, base=BASE))
    built = building.build(engine, plan, packed, loaded, QUIET)
    return f"{built.name}:{built.tag}", {**plan.environment, "MLDEPLOY_ACCESS": "public", "PORT": "8080"}


def first_answer_s(engine: Engine, name: str, environment: dict[str, str], body: bytes, content_type: str) -> float:
    """Seconds from the container's start to its first good answer."""
    api = engine.api
    host = api.create_host_config(
        port_bindings={8080: ("127.0.0.1", None)}, read_only=True, tmpfs={"/tmp": "size=64m"},
        mem_limit="1g", nano_cpus=2_000_000_000,
    )  # fmt: skip
    container = api.create_container(name, environment=environment, host_config=host, ports=[8080])["Id"]
    try:
        started_s = time.perf_counter()
        api.start(container)
        port = int(api.port(container, 8080)[0]["HostPort"])
        while time.perf_counter() - started_s < 60:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                with contextlib.closing(connection):
                    connection.request("POST", "/predict", body, {"content-type": content_type})
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status == 200:
                        return time.perf_counter() - started_s
            time.sleep(0.005)
        raise SystemExit(f"{name} does not answer:\n{api.logs(container).decode()}")
    finally:
        api.remove_container(container, force=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with contextlib.closing(connect()) as engine:
        rival(engine)
        made = {example: ours(engine, example) for example in EXAMPLES}
        times: dict[str, list[float]] = {"functions-framework, bare": [], **{f"ours, {example}": [] for example in made}}
        for _ in range(runs):
            times["functions-framework, bare"].append(first_answer_s(engine, RIVAL, {}, b"{}", "application/json"))
            for example, (name, environment) in made.items():
                file, content_type = EXAMPLES[example]
                body = (ROOT / "examples" / example / file).read_bytes()
                times[f"ours, {example}"].append(first_answer_s(engine, name, environment, body, content_type))
        report(times, engine.info(), runs)


def report(times: dict[str, list[float]], info: dict[str, Any], runs: int) -> None:
    bare = statistics.median(times["functions-framework, bare"])
    print(
        f"Docker {info['ServerVersion']}, {info['NCPU']} cores, {platform.machine()}, "
        f"{time.strftime('%Y-%m-%d')}, {runs} runs each"
    )
    for name, measured in times.items():
        median = statistics.median(measured)
        print(f"{name:<28} median {median * 1000:6.0f} ms   min {min(measured) * 1000:6.0f}   {median / bare:.2f}x")
    print(json.dumps({name: [round(value, 4) for value in measured] for name, measured in times.items()}))


if __name__ == "__main__":
    main()
