"""Small bundles, written by hand, and real server processes over them.

    bundle("colour") ─▶ folder            serve("colour", MLDEPLOY_ACCESS="key") ─▶ Server(url, port, process)

Every bundle's answer can be told by looking at the request: a matrix of small numbers, the sum of two inputs, the colour of a
picture. Processes are started once a session and each set of settings, and all of them end with it.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.core import Runtime

ELEM = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}
HOSTILE = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">&quot;{{model}}'

Row = tuple[str, str, list[int]]


class Server(NamedTuple):
    """A running runtime."""

    url: str
    port: int
    process: subprocess.Popen[bytes]

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own; header names are given with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


def write_bundle(folder: Path, name: str, nodes: list[Any], inputs: list[Row], outputs: list[Row], **extra: Any) -> Path:
    """A bundle folder around a graph. `extra` overrides members of bundle.json; `constants` become initialisers."""

    def infos(rows: list[Row]) -> list[Any]:
        return [helper.make_tensor_value_info(n, ELEM[d], [None if axis == -1 else axis for axis in s]) for n, d, s in rows]

    constants = [numpy_helper.from_array(value, key) for key, value in extra.pop("constants", {}).items()]
    graph = helper.make_graph(nodes, "graph", infos(inputs), infos(outputs), constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    document = {
        "schema": 1,
        "name": name,
        "fingerprint": "9f3c1e2" + "0" * 57,
        "format": "onnx",
        "entry": "model.onnx",
        "hook": "",
        "inputs": [{"name": n, "dtype": d, "shape": s} for n, d, s in inputs],
        "outputs": [{"name": n, "dtype": d, "shape": s} for n, d, s in outputs],
        "preprocess": None,
        "top_k": None,
        "labels": [],
    }
    (folder / "bundle.json").write_text(json.dumps(document | extra))
    return folder


def _plain(folder: Path, name: str) -> Path:
    """y = x · [[1, 0], [0, 1], [1, 1]]."""
    weights = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    return write_bundle(
        folder,
        name,
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [("x", "FP32", [-1, 3])],
        [("y", "FP32", [-1, 2])],
        constants={"w": weights},
    )


def _several(folder: Path, name: str) -> Path:
    """total = a + b; same = names; flipped = not flag; half = h."""
    nodes = [
        helper.make_node("Add", ["a", "b"], ["total"]),
        helper.make_node("Identity", ["names"], ["same"]),
        helper.make_node("Not", ["flag"], ["flipped"]),
        helper.make_node("Identity", ["h"], ["half"]),
    ]
    inputs: list[Row] = [
        ("a", "FP64", [-1, 2]),
        ("b", "FP64", [2]),
        ("names", "BYTES", [-1]),
        ("flag", "BOOL", [2]),
        ("h", "FP16", [1]),
    ]
    outputs: list[Row] = [
        ("total", "FP64", [-1, 2]),
        ("same", "BYTES", [-1]),
        ("flipped", "BOOL", [2]),
        ("half", "FP16", [1]),
    ]
    return write_bundle(folder, name, nodes, inputs, outputs)


def _colour(folder: Path, name: str, labels: tuple[str, ...] = ("red", "green", "blue")) -> Path:
    """The channels of a picture by their mean, as probabilities; the best two."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Div", ["mean", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["all"], axis=1),
        helper.make_node("TopK", ["all", "k"], ["scores", "indices"]),
    ]
    image = {
        "kind": "image",
        "input": "pixels",
        "height": 8,
        "width": 8,
        "resize": "stretch",
        "resize_to": 8,
        "filter": "bilinear",
        "color": "RGB",
        "pad": 0,
        "decode": "exact",
    }
    return write_bundle(
        folder,
        name,
        nodes,
        [("pixels", "UINT8", [-1, 8, 8, 3])],
        [("indices", "INT64", [-1, 2]), ("scores", "FP32", [-1, 2])],
        constants={"scale": np.array(64, np.float32), "k": np.array([2], np.int64)},
        preprocess=image,
        top_k={"k": 2, "indices": "indices", "scores": "scores"},
        labels=list(labels),
    )


def _mixed(folder: Path, name: str) -> Path:
    """The mean of a grey picture of exactly 6 by 4 pixels, plus a number."""
    nodes = [
        helper.make_node("Cast", ["grey"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Add", ["mean", "bias"], ["light"]),
    ]
    image = {
        "kind": "image",
        "input": "grey",
        "height": 4,
        "width": 6,
        "resize": "none",
        "resize_to": 6,
        "filter": "bilinear",
        "color": "L",
        "pad": 0,
        "decode": "exact",
    }
    inputs: list[Row] = [("grey", "UINT8", [-1, 4, 6, 1]), ("bias", "FP32", [-1, 1])]
    return write_bundle(folder, name, nodes, inputs, [("light", "FP32", [-1, 1])], preprocess=image)


def _hooked(folder: Path, name: str) -> Path:
    """The plain matrix behind a hook that counts the words of a text."""
    _plain(folder, name)
    document = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(document | {"hook": "hook.py"}))
    (folder / "hook.py").write_text(
        "import numpy as np\n\n\n"
        "def preprocess(inputs):\n"
        "    text = inputs.decode() if isinstance(inputs, bytes) else inputs\n"
        "    return {'x': np.array([[len(text), text.count(' '), 0]], np.float32)}\n"
    )
    return folder


def _table(folder: Path, name: str) -> Path:
    """bill = price * count, with the shop's name passed on."""
    nodes = [
        helper.make_node("Mul", ["price", "count"], ["bill"]),
        helper.make_node("Identity", ["shop"], ["where"]),
    ]
    columns = [
        {"name": "price", "dtype": "FP32", "input": "price", "index": 0},
        {"name": "count", "dtype": "FP32", "input": "count", "index": 0},
        {"name": "shop, or web", "dtype": "BYTES", "input": "shop", "index": 0},
    ]
    return write_bundle(
        folder,
        name,
        nodes,
        [("price", "FP32", [-1, 1]), ("count", "FP32", [-1, 1]), ("shop", "BYTES", [-1, 1])],
        [("bill", "FP32", [-1, 1]), ("where", "BYTES", [-1, 1])],
        preprocess={"kind": "tabular", "columns": columns},
    )


def _digits(folder: Path, name: str) -> Path:
    """Ten class probabilities of eight numbers, with labels but without top-k."""
    weights = np.eye(8, 10, dtype=np.float32) * 3
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    labels = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    return write_bundle(
        folder,
        name,
        nodes,
        [("x", "FP32", [-1, 8])],
        [("probabilities", "FP32", [-1, 10])],
        constants={"w": weights},
        labels=labels,
    )


def _nan(folder: Path, name: str) -> Path:
    """log(x): NaN and -infinity for anybody who asks."""
    return write_bundle(folder, name, [helper.make_node("Log", ["x"], ["y"])], [("x", "FP32", [-1])], [("y", "FP32", [-1])])


def _hostile(folder: Path, name: str) -> Path:
    return _colour(folder, HOSTILE, (HOSTILE, HOSTILE + "1", HOSTILE + "2"))


MAKERS: dict[str, Callable[[Path, str], Path]] = {
    "plain": _plain,
    "several": _several,
    "colour": _colour,
    "mixed": _mixed,
    "hooked": _hooked,
    "table": _table,
    "digits": _digits,
    "nan": _nan,
    "hostile": _hostile,
}


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a bundle by name; "identity-FP32" and so on pass one tensor [-1, 2] through."""
    root = tmp_path_factory.mktemp("bundles")

    def get(name: str) -> Path:
        folder = root / name
        if folder.exists():
            return folder
        kind, _, dtype = name.partition("-")
        if kind == "identity":
            nodes = [helper.make_node("Identity", ["x"], ["y"])]
            return write_bundle(folder, name, nodes, [("x", dtype, [-1, 2])], [("y", dtype, [-1, 2])])
        return MAKERS[name](folder, name)

    return get


@pytest.fixture(scope="session")
def runtime(bundle: Callable[[str], Path]) -> Iterator[Callable[[str], Runtime]]:
    """A loaded runtime in this process, by the name of its bundle."""
    loaded: dict[str, Runtime] = {}

    def get(name: str) -> Runtime:
        if name not in loaded:
            loaded[name] = Runtime(bundle(name), ServingConfig())
            loaded[name].load()
        return loaded[name]

    yield get
    for one in loaded.values():
        one.close()


def ready_port(process: subprocess.Popen[bytes], output: Path, seconds: float = 30) -> int:
    """The port that the server says it is ready on."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        said = re.search(r"ready on http://127\.0\.0\.1:(\d+)", output.read_text())
        if said:
            return int(said[1])
        assert process.poll() is None, f"the server ended:\n{output.read_text()}"
        time.sleep(0.02)
    process.kill()
    pytest.fail(f"the server was not ready after {seconds} s:\n{output.read_text()}")


@pytest.fixture(scope="session")
def serve(bundle: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Start (once for each set of settings) `python -m mldeploy.handlers` on a bundle and wait until it is ready."""
    running: dict[tuple[Any, ...], Server] = {}
    root = tmp_path_factory.mktemp("servers")

    def start(name: str, **settings: str) -> Server:
        key = (name, *sorted(settings.items()))
        if key not in running:
            output = root / f"{len(running)}.log"
            command = [sys.executable, "-m", "mldeploy.handlers", str(bundle(name)), "--port", "0"]
            with output.open("wb") as sink:
                process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=os.environ | settings)
            port = ready_port(process, output)
            running[key] = Server(f"http://127.0.0.1:{port}", port, process)
        return running[key]

    yield start
    for server in running.values():
        server.process.send_signal(signal.SIGTERM)
    for server in running.values():
        try:
            server.process.wait(10)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()
