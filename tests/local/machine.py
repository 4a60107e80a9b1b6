"""What the tests of the local provider share: specs and bundles in a temporary folder, a reporter, callers."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mldeploy.bundle.contract import Bundle
from mldeploy.handlers.tensor import TensorSpec
from mldeploy.progress import SilentReporter
from mldeploy.providers.contract import Outputs
from mldeploy.providers.local import plan as planning
from mldeploy.providers.local import process
from mldeploy.providers.local.driver import LocalDriver
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import ModelSpec
from mldeploy.state import bundle_store

FAKE = (sys.executable, "-S", str(Path(__file__).with_name("fake_runtime.py")))


class Remembering(SilentReporter):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def loaded_spec(root: Path, stage: str = "dev", **sections: Any) -> LoadedSpec:
    clouds = {"local": {"start_timeout_s": 10.0, **sections.pop("local", {})}}
    document = {"version": 1, "name": "m", "model": {"path": "m.onnx"}, "clouds": clouds, **sections}
    return LoadedSpec(ModelSpec.model_validate(document), "mldeploy.yaml", root, stage, {})


def fake_bundle(number: int = 1) -> Bundle:
    """A stored bundle as far as the deploying side looks at it."""
    fingerprint = f"{number:064x}"[::-1]
    folder = bundle_store() / fingerprint
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bundle.json").write_text("{}")
    specs = (TensorSpec("x", "FP32", (-1, 1)),)
    return Bundle(folder, "m", fingerprint, "onnx", specs, specs)


def up(
    root: Path, number: int = 1, *, command: tuple[str, ...] = FAKE, report: Any = None, stage: str = "dev", **sections: Any
) -> Outputs:
    loaded = loaded_spec(root, stage, **sections)
    bundle = fake_bundle(number)
    driver = LocalDriver(loaded.spec.name, stage, command)
    return driver.up(planning.plan(loaded, bundle), bundle, loaded, report or SilentReporter())


def ask(url: str, inputs: Any = 1, *, timeout_s: float = 10.0, headers: dict[str, str] | None = None) -> Any:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout_s)
    try:
        sent = {"content-type": "application/json", **(headers or {})}
        connection.request("POST", "/predict", json.dumps({"inputs": inputs}), sent)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def until(condition: Callable[[], Any], timeout_s: float = 15.0) -> Any:
    """Wait for something to become true; returns it."""
    deadline_s = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline_s, "it did not happen in time"
        time.sleep(0.01)
    return value


def processes_of(folder: Path) -> list[int]:
    """Every living process that names this folder on its command line or as its deployment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words and process.identity(int(entry.name)):
            found.append(int(entry.name))
    return found


@contextmanager
def no_process_survives(folder: Path) -> Iterator[None]:
    import os
    import signal

    yield
    left = [pid for pid in processes_of(folder) if pid != os.getpid()]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left
