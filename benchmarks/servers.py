"""The servers that are compared: ours in its variants, and the peers as their documentation starts them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from measure import Call, Server

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"


@dataclass(frozen=True)
class Case:
    """One model: its bundle for ours, the plain ONNX file for the peers, and the request."""

    name: str
    bundle: Path
    model: Path
    labels: list[str]
    kind: str
    call: Call

    def peer_environment(self) -> dict[str, str]:
        return {
            "BENCH_MODEL": str(self.model),
            "BENCH_LABELS": json.dumps(self.labels),
            "BENCH_KIND": self.kind,
            "PYTHONPATH": str(HERE / "peers"),
            "NO_ALBUMENTATIONS_UPDATE": "1",
            "BENTOML_DO_NOT_TRACK": "True",
        }


def pack(example: str, store: Path) -> Path:
    """Pack an example with the product itself; returns the bundle folder."""
    code = (
        "import sys, pathlib\nfrom mldeploy import deploy, bundle\nfrom mldeploy.progress import SilentReporter\n"
        "loaded = deploy.load_spec(pathlib.Path(sys.argv[1]), None)\n"
        "print(bundle.pack(loaded, pathlib.Path(sys.argv[2]), SilentReporter()).root)"
    )
    spec = EXAMPLES / example / "mldeploy.yaml"
    done = subprocess.run([sys.executable, "-c", code, str(spec), str(store)], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip().splitlines()[-1])


def cases(store: Path) -> dict[str, Case]:
    """The tiny model (digits) and the CNN (imagenet)."""
    tiny_bundle, cnn_bundle = pack("digits", store), pack("imagenet", store)
    plain = store / "digits-plain.onnx"
    code = (
        "import sys, skops.io, skl2onnx\nfrom skl2onnx.common.data_types import FloatTensorType\n"
        "model = skops.io.load(sys.argv[1])\n"
        "types = [('x', FloatTensorType([None, 64]))]\n"
        "onnx = skl2onnx.to_onnx(model, initial_types=types, options={'zipmap': False}, target_opset=17)\n"
        "open(sys.argv[2], 'wb').write(onnx.SerializeToString())"
    )
    subprocess.run([sys.executable, "-c", code, str(EXAMPLES / "digits/model.skops"), str(plain)], check=True)
    row = (EXAMPLES / "digits/request.json").read_bytes()
    photograph = (EXAMPLES / "imagenet/coffee.jpg").read_bytes()
    classes = (EXAMPLES / "imagenet/labels.txt").read_text().splitlines()
    return {
        "tiny": Case(
            "tiny", tiny_bundle, plain, [str(i) for i in range(10)], "rows", Call("/predict", "application/json", row)
        ),
        "cnn": Case(
            "cnn",
            cnn_bundle,
            EXAMPLES / "imagenet/efficientnet-lite0.onnx",
            classes,
            "image",
            Call("/predict", "image/jpeg", photograph),
        ),
    }


def ours(case: Case, engine: str) -> Server:
    command = [sys.executable, "-m", "mldeploy.handlers", str(case.bundle), "--host", "127.0.0.1", "--port", "{port}"]
    return Server(f"mldeploy ({engine})", command, {"MLDEPLOY_ENGINE": engine}, case.call, HERE)


def echo(case: Case) -> Server:
    return Server(
        "asyncio echo (no model)", [sys.executable, str(HERE / "peers/echo_asyncio.py"), "{port}"], {}, case.call, HERE
    )


def peers(case: Case, python: Path) -> list[Server]:
    """The peers; `python` is the interpreter of their environment."""
    import base64

    bin_folder, folder, environment = python.parent, HERE / "peers", case.peer_environment()
    wrapped = case.call
    if case.kind == "image":
        wrapped = Call(
            "/predict", "application/json", json.dumps({"inputs": base64.b64encode(case.call.body).decode()}).encode()
        )
    found = [
        Server("stdlib threads", [str(python), "stdlib_threads.py", "{port}"], environment, case.call, folder),
        Server(
            "functions-framework",
            [
                str(bin_folder / "functions-framework"),
                "--target",
                "predict",
                "--source",
                "functions_framework_app.py",
                "--host",
                "127.0.0.1",
                "--port",
                "{port}",
            ],
            environment,
            case.call,
            folder,
        ),
        Server(
            "FastAPI + uvicorn",
            [
                str(bin_folder / "uvicorn"),
                "fastapi_app:app",
                "--host",
                "127.0.0.1",
                "--port",
                "{port}",
                "--log-level",
                "warning",
            ],
            environment,
            case.call,
            folder,
        ),
        Server("LitServe", [str(python), "litserve_app.py", "{port}"], environment, wrapped, folder),
    ]
    if case.kind == "rows":
        found.append(
            Server(
                "BentoML",
                [str(bin_folder / "bentoml"), "serve", "bentoml_app:Predictor", "--host", "127.0.0.1", "--port", "{port}"],
                environment,
                case.call,
                folder,
            )
        )
    return found
