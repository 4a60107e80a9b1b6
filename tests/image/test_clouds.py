"""The images of all three clouds, built from the providers' own recipes and run as a platform runs them: root read-only, every
capability dropped, a memory limit, an unprivileged user."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mldeploy.image import building, pins
from mldeploy.progress import SilentReporter

EXAMPLES = Path(__file__).parents[2] / "examples"
REQUESTS = {
    "digits": ("request.json", "application/json", "9"),
    "imagenet": ("coffee.jpg", "image/jpeg", "espresso"),
}
EACH = pytest.mark.parametrize("example", REQUESTS)


def request(example: str) -> tuple[bytes, str, str]:
    file, content_type, label = REQUESTS[example]
    return (EXAMPLES / example / file).read_bytes(), content_type, label


def label_of(body: bytes) -> str:
    return str(json.loads(body)["predictions"][0][0]["label"])


@EACH
def test_lambda_image_under_the_runtime_interface_emulator(
    example: str, made: Callable[..., Any], run: Callable[..., Any], emulator: Path, ask: Callable[..., Any]
) -> None:
    body, content_type, label = request(example)
    image = made("aws", example)
    event = {
        "version": "2.0",
        "rawPath": "/predict",
        "rawQueryString": "",
        "headers": {"content-type": content_type},
        "requestContext": {"http": {"method": "POST", "path": "/predict"}, "requestId": "r"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    recipe = image.plan.image
    command = ["/rie", "--runtime-interface-emulator-address", "0.0.0.0:8080", "--runtime-api-address", "127.0.0.1:9001"]
    environment = {
        **image.plan.environment,
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    }
    mount = {"binds": {str(emulator): {"bind": "/rie", "mode": "ro"}}}
    started = [*command, *recipe.entrypoint]
    with run(image.name, environment, memory_mb=1024, host=mount, entrypoint=started, command=list(recipe.command)) as port:
        path = "/2015-03-31/functions/function/invocations"
        _, answer = ask(port, path, json.dumps(event).encode(), {"content-type": "application/json"})
    document = json.loads(answer)
    assert document["statusCode"] == 200, answer
    text = document["body"]
    assert label_of(base64.b64decode(text) if document.get("isBase64Encoded") else text.encode()) == label


@EACH
def test_cloud_run_image_on_its_port(
    example: str, made: Callable[..., Any], run: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    body, content_type, label = request(example)
    image = made("gcp", example)
    with run(image.name, {**image.plan.environment, "PORT": "9090", "MLDEPLOY_ACCESS": "public"}, inner=9090) as port:
        status, answer = ask(port, "/predict", body, {"content-type": content_type})
    assert status == 200, answer
    assert label_of(answer) == label


@EACH
def test_functions_image_on_the_stand_in_host(
    example: str, made: Callable[..., Any], run: Callable[..., Any], ask: Callable[..., Any], functions_key: str
) -> None:
    body, content_type, label = request(example)
    image = made("azure", example)
    headers = {"content-type": content_type, "x-functions-key": functions_key, "x-api-key": "the-key"}
    environment = {**image.plan.environment, "MLDEPLOY_ACCESS": "key", "MLDEPLOY_API_KEY": "the-key"}
    with run(image.name, environment, inner=image.plan.image.port) as port:
        status, answer = ask(port, "/predict", body, headers)
    assert status == 200, answer
    assert label_of(answer) == label


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
def test_what_the_image_holds(cloud: str, made: Callable[..., Any], files_of: Callable[[str], dict[str, Any]]) -> None:
    """No pip, no compiler and no deploying side of ours; every module compiled once; nothing that the user could write."""
    image = made(cloud, "digits")
    recipe, files = image.plan.image, files_of(image.name)
    modules = {name for name in files if name.endswith(".py")}
    compiled = {name for name in files if name.endswith(".pyc")}
    assert len(modules) == len(compiled)
    assert {name.replace("__pycache__/", "").replace(".cpython-313.pyc", ".py") for name in compiled} == modules
    assert {entry.mtime for entry in files.values()} == {315532800}
    assert {(entry.uid, entry.gid, entry.mode & 0o022) for entry in files.values()} == {(0, 0, 0)}
    ours = {name for name in modules if "/mldeploy/" in name.removeprefix("opt/mldeploy")}
    strangers = {name for name in ours if not any(part in name for part in ("mldeploy/handlers/", "/entry/", "__init__.py"))}
    assert strangers == set()
    words = ("/pip/", "/setuptools/", "/wheel/", "/torch/", "/sklearn/", "/numpy/", "/tests/")
    assert not [name for name in files if any(word in name for word in words)]
    library = [name for name in files if "libonnxruntime.so" in name]
    assert len(library) == 1
    assert library[0].startswith(recipe.packages_dir.lstrip("/") + "/onnxruntime/capi/")


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
def test_the_image_says_how_it_is_run(cloud: str, made: Callable[..., Any], engine: Any) -> None:
    image = made(cloud, "digits")
    found = engine.inspect(image.name)
    settings = found["Config"]
    assert settings["User"] == "10001:10001"
    assert {"HOME=/tmp", "MLDEPLOY_ENGINE=lean"} <= set(settings["Env"])
    assert found["Created"].startswith("1980-01-01T00:00:00")
    assert (found["Os"], found["Architecture"]) == ("linux", "amd64")


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
@EACH
def test_the_lean_image_is_small(cloud: str, example: str, made: Callable[..., Any]) -> None:
    """At most 70 MB over the base and the model."""
    image = made(cloud, example)
    model_bytes = sum(path.stat().st_size for path in image.bundle.root.iterdir())
    over = (image.built.added_bytes - model_bytes) / 1e6
    print(f"{cloud} {example}: {over:.1f} MB over base and model")
    assert over <= 70


@EACH
def test_the_stock_image_is_small_and_has_the_runtime_once(
    example: str, engine: Any, planned: Callable[..., Any], files_of: Callable[[str], dict[str, Any]]
) -> None:
    """At most 160 MB over the base and the model, and it answers with the binding."""
    plan, bundle, loaded = planned("gcp", example, engine="stock")
    built = building.build(engine, plan, bundle, loaded, SilentReporter())
    over = (built.added_bytes - sum(path.stat().st_size for path in bundle.root.iterdir())) / 1e6
    print(f"stock {example}: {over:.1f} MB over base and model")
    assert over <= 160
    files = files_of(f"{built.name}:{built.tag}")
    assert [name for name in files if "onnxruntime_pybind11_state" in name]
    assert not [name for name in files if "libonnxruntime.so" in name]
    assert "MLDEPLOY_ENGINE=stock" in engine.inspect(built.image_id)["Config"]["Env"]


def test_a_hook_and_its_own_requirements(
    engine: Any, planned: Callable[..., Any], files_of: Callable[[str], dict[str, Any]]
) -> None:
    """A model in Python: numpy ships, ONNX Runtime does not, and the user's package has a layer of its own before the model."""
    own = "\n".join(pin.line for pin in pins.group("sklearn") if pin.name == "threadpoolctl")
    plan, bundle, loaded = planned("gcp", "hook", user_requirements=own)
    built = building.build(engine, plan, bundle, loaded, SilentReporter())
    files = files_of(f"{built.name}:{built.tag}")
    assert "opt/mldeploy/packages/threadpoolctl.py" in files
    assert "opt/mldeploy/bundle/hook.py" in files
    assert [name for name in files if name.startswith("opt/mldeploy/packages/numpy/")]
    assert not [name for name in files if "onnxruntime" in name]
    assert len(engine.inspect(built.image_id)["RootFS"]["Layers"]) in (6, 7)


def test_a_scikit_learn_model_as_it_is(engine: Any, planned: Callable[..., Any], tmp_path: Path) -> None:
    """`convert: false` ships scikit-learn; the smoke request is answered by it inside the image."""
    folder = tmp_path / "digits"
    shutil.copytree(EXAMPLES / "digits", folder)
    spec_file = folder / "mldeploy.yaml"
    text = spec_file.read_text().replace("path: model.skops", "convert: false\n  path: model.skops")
    text = re.sub(r"  postprocess:\n    kind: top_k\n    k: 3\n", "", text)
    spec_file.write_text(re.sub(r"    expect:\n.*\n", "", text))
    plan, bundle, loaded = planned("gcp", "digits", folder=folder)
    assert bundle.format == "sklearn"
    built = building.build(engine, plan, bundle, loaded, SilentReporter())
    assert built.added_bytes > 100e6
