"""One core, five servers: python benchmarks/servers/compare.py [BUNDLE_DIR [BODY_FILE CONTENT_TYPE]]

Cold start, median latency, throughput and memory of the product's server and of the alternatives that were considered for it
(docs/adr/0002-server.md), the best of several passes. Needs wrk, uvicorn, granian and uvloop. Without a bundle, a graph of one
matrix product is served.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from measure import Call, Server, cold_start_s, pss_mb, running, wrk  # noqa: E402

PASSES = 4
ROUNDS = 5
SECONDS = 2


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


def measure(server: Server, ports: Iterator[int]) -> tuple[float, float, float, float]:
    """Cold start s (minimum), median latency us, seconds per answer at 8 connections, PSS MB: the less, the better."""
    _, cold_s = cold_start_s(server, ports, ROUNDS)
    port = next(ports)
    with running(server, port) as (process, _):
        one, eight = wrk(port, call=server.call, connections=1, seconds=SECONDS), wrk(port, server.call, 8, SECONDS)
        memory = pss_mb(process.pid)
    assert not one.errors + eight.errors, server.name
    return cold_s, one.p50_us, 1 / eight.per_second, memory


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else tiny(Path(folder))
        call = Call("/predict", "application/json", b'{"inputs": [[1, 2, 3]]}')
        if len(sys.argv) > 2:
            call = Call("/predict", sys.argv[3], Path(sys.argv[2]).read_bytes())
        best: dict[str, tuple[float, ...]] = {}
        ports = itertools.count(18300)
        for turn in range(PASSES):
            for server in servers(bundle, call):
                figures = measure(server, ports)
                best[server.name] = tuple(map(min, figures, best.get(server.name, figures)))
                print(f"pass {turn + 1} of {PASSES}: {server.name}", file=sys.stderr)
        print("| | cold start, ms | p50, 1 connection, us | 8 connections, /s | PSS, MB |\n|---|---|---|---|---|")
        for name, (cold_s, p50_us, seconds_each, memory) in best.items():
            print(f"| {name} | {cold_s * 1000:.0f} | {p50_us:.0f} | {1 / seconds_each:,.0f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
