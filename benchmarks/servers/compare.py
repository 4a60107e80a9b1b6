"""One core, five servers: python benchmarks/servers/compare.py [BUNDLE_DIR [BODY_FILE CONTENT_TYPE]]

Cold start, median latency, throughput and memory of the product's server and of the alternatives that were considered for it
(docs/adr/0002-server.md). Needs wrk, uvicorn and granian. Without a bundle, a graph of one matrix product is served.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from measure import Call, Server, cold_start_s, pss_mb, running, wrk  # noqa: E402

ROUNDS = 9
SECONDS = 4


def tiny(folder: Path) -> Path:
    """A bundle of y = x · w with three inputs and two outputs."""
    from onnx import TensorProto, helper

    def tensor(name: str, axes: int) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, axes])

    weights = helper.make_tensor("w", TensorProto.FLOAT, [3, 2], [1, 0, 0, 1, 1, 1])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [tensor("x", 3)], [tensor("y", 2)], [weights]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    document = {
        "schema": 1,
        "name": "tiny",
        "fingerprint": "0" * 64,
        "format": "onnx",
        "entry": "model.onnx",
        "hook": "",
        "inputs": [{"name": "x", "dtype": "FP32", "shape": [-1, 3]}],
        "outputs": [{"name": "y", "dtype": "FP32", "shape": [-1, 2]}],
        "preprocess": None,
        "top_k": None,
        "labels": [],
    }
    (folder / "bundle.json").write_text(json.dumps(document))
    return folder


def servers(bundle: Path, call: Call) -> list[Server]:
    python, environment = sys.executable, {"BENCH_BUNDLE": str(bundle)}

    def server(name: str, *command: str) -> Server:
        return Server(name, [python, *command], environment, call, HERE)

    return [
        server("asyncio echo (no model)", "../peers/echo_asyncio.py", "{port}"),
        server("mldeploy.handlers", "-m", "mldeploy.handlers", str(bundle), "--port", "{port}"),
        server("httptools + uvloop", "direct.py", "{port}", str(bundle), "uvloop"),
        server("httptools + asyncio", "direct.py", "{port}", str(bundle), "asyncio"),
        server("uvicorn (httptools, uvloop), ASGI", "asgi.py", "{port}"),
        server("granian (uvloop), RSGI", "rsgi.py", "{port}"),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else tiny(Path(folder))
        call = Call("/predict", "application/json", b'{"inputs": [[1, 2, 3]]}')
        if len(sys.argv) > 2:
            call = Call("/predict", sys.argv[3], Path(sys.argv[2]).read_bytes())
        print(f"{'':36}{'cold ms (min)':>15}{'p50 us':>9}{'8 conn /s':>11}{'PSS MB':>8}")
        ports = itertools.count(18300)
        for server in servers(bundle, call):
            cold, coldest = cold_start_s(server, ports, ROUNDS)
            port = next(ports)
            with running(server, port) as (process, _):
                one, eight = wrk(port, call, 1, SECONDS), wrk(port, call, 8, SECONDS)
                memory = pss_mb(process.pid)
            assert not one.errors + eight.errors, server.name
            figures = f"{cold * 1000:8.0f} ({coldest * 1000:4.0f}){one.p50_us:11.0f}{eight.per_second:11.0f}{memory:8.0f}"
            print(f"{server.name:36}{figures}", flush=True)


if __name__ == "__main__":
    main()
