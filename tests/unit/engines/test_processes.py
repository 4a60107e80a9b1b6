"""What only a process of its own can show: what is imported, printed and left on disk, and that nothing crashes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from mldeploy.handlers.manifest import SCHEMA, Manifest

FUZZ = Path(__file__).with_name("fuzz_child.py")
NOT_FOR_A_COLD_START = ["numpy", "onnxruntime", "asyncio", "dataclasses", "logging", "importlib.metadata", "threading"]
RUN = """
import sys
from mldeploy.handlers import manifest
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import open_engine
from mldeploy.handlers.tensor import Tensor
bundle = manifest.read(sys.argv[1])
engine = open_engine(bundle, ServingConfig(engine=sys.argv[2]))
engine.run({"x": Tensor("FP32", (1, 64), bytes(256))})
engine.close()
"""


def write(manifest: Manifest) -> Path:
    """Complete the bundle folder with its bundle.json."""
    document = {
        "schema": SCHEMA, "name": "m", "fingerprint": "0" * 64, "format": "onnx", "entry": manifest.entry, "hook": "",
        "inputs": [spec._asdict() for spec in manifest.inputs], "outputs": [spec._asdict() for spec in manifest.outputs],
        "preprocess": None, "top_k": None, "labels": [],
    }  # fmt: skip
    (manifest.root / "bundle.json").write_text(json.dumps(document))
    return manifest.root


@pytest.fixture
def tiny(models: ModuleType, bundle: Callable[..., Manifest]) -> Path:
    return write(bundle(models.linear()))


def python(code: str, *arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environ, check=False)


@pytest.mark.parametrize("engine", ["lean", "stock"])
def test_a_failing_prediction_prints_nothing(
    engine: str, models: ModuleType, bundle: Callable[..., Manifest], tmp_path: Path
) -> None:
    inputs = [models.info("x", "FP32", (1, 64)), models.info("to", "INT64", (1,))]
    node = models.h.make_node("Reshape", ["x", "to"], ["y"])
    root = write(bundle(models.model([node], inputs, [models.info("y", "FP32", (-1,))])))
    failing = RUN.replace("engine.run({", "engine.run({'to': Tensor('INT64', (1,), bytes([3, *bytes(7)])), ")
    done = python(failing, root, engine, HOME=str(tmp_path))
    assert done.stdout == ""
    assert "[E:onnxruntime" not in done.stderr
    assert "EngineError: ONNX Runtime: " in done.stderr
    assert "Non-zero status code returned while running Reshape node" in done.stderr


@pytest.mark.parametrize("engine", ["lean", "stock"])
def test_nothing_is_printed_sent_or_left_on_disk(tiny: Path, tmp_path: Path, engine: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = python(RUN, tiny, engine, HOME=str(home))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []


def test_a_lean_prediction_imports_little(tiny: Path) -> None:
    done = python(RUN + f"print([name for name in {NOT_FOR_A_COLD_START} if name in sys.modules])", tiny, "auto")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_other_threads_run_while_a_model_is_loaded(tiny: Path) -> None:
    """The server imports and binds its socket meanwhile: no step of loading may hold the interpreter for long."""
    done = python(
        "import sys, threading, time\n"
        "from mldeploy.handlers import manifest\n"
        "from mldeploy.handlers.config import ServingConfig\n"
        "from mldeploy.handlers.engines import open_engine, lean\n"
        "bundle = manifest.read(sys.argv[1])\n"
        "ticks, opened = 0, []\n"
        "thread = threading.Thread(target=lambda: opened.append(open_engine(bundle, ServingConfig())))\n"
        "thread.start()\n"
        "while thread.is_alive():\n"
        "    time.sleep(0.0002)\n"
        "    ticks += 1\n"
        "print(opened[0].name, ticks > 5)\n",
        tiny,
    )
    assert (done.stdout, done.stderr) == ("lean True\n", "")


def test_a_process_that_ends_with_an_open_engine_ends_well(tiny: Path) -> None:
    done = python(RUN.replace("engine.close()", "engine.run({'x': Tensor('FP32', (1, 64), bytes(256))}, 30.0)"), tiny, "lean")
    assert (done.returncode, done.stderr) == (0, "")


# Now and then a new thread gets the last of the memory, but none for its thread-local data. The C library then ends the process
# by itself, with 127: nothing of ours can catch that, and another seed is taken.
GLIBC_GIVES_UP = "cannot allocate memory for thread-local data"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.parametrize("seed", range(4))
def test_wrong_models_wrong_input_and_too_little_memory_never_crash(
    seed: int, models: ModuleType, bundle: Callable[..., Manifest], tmp_path: Path
) -> None:
    folder = tmp_path / "bundles"
    folder.mkdir()
    for name in ("linear_softmax", "convolutions", "several_inputs_and_outputs", "recurrent", "branches", "sklearn_forest"):
        write(bundle(models.CASES[name]()[0])).rename(folder / name)
    for number in range(seed, seed + 40, 10):
        command = [sys.executable, "-X", "faulthandler", str(FUZZ), str(folder), str(number)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if GLIBC_GIVES_UP not in done.stderr:
            break
    assert done.returncode == 0, done.stderr[-4000:]
    counts = {outcome: int(times) for outcome, times in (line.rsplit(" ", 1) for line in done.stdout.splitlines())}
    assert counts.keys() >= {"open: ok", "open: EngineError", "run: ok", "run: EngineInputError"}, counts
    assert sum(times for outcome, times in counts.items() if outcome.startswith("open")) == 60
