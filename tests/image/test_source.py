"""The source folder for a platform that builds by itself: the same bytes each time, whole in itself, and it answers."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mldeploy import image
from mldeploy.image import building, pins, wheels
from mldeploy.image.context import Entry, write_tar
from mldeploy.image.unpacking import unpack
from mldeploy.progress import SilentReporter

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def source(planned: Callable[..., Any], tmp_path: Path) -> tuple[Path, Any]:
    plan, bundle, _ = planned("gcp", "digits")
    plan = replace(plan, image=None)
    folder = Path(image.render_source(plan, bundle, tmp_path / "one"))
    other = Path(image.render_source(plan, bundle, tmp_path / "two"))
    contents = [
        {path.relative_to(at).as_posix(): path.read_bytes() for path in at.rglob("*") if path.is_file()}
        for at in (folder, other)
    ]
    assert contents[0] == contents[1]
    return folder, plan


def test_the_folder_has_what_the_platform_wants(source: tuple[Path, Any]) -> None:
    folder, _ = source
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"main.py", "requirements.txt", "bundle/bundle.json", "bundle/model.onnx", "mldeploy/handlers/core.py"} <= names
    assert not [name for name in names if "/cli/" in name or "/image/" in name or "__pycache__" in name]
    found = {pin.name for pin in pins.parse((folder / "requirements.txt").read_text(), "source")}
    assert {"functions-framework", "onnxruntime", "orjson"} <= found


def test_its_requirements_are_whole(source: tuple[Path, Any]) -> None:
    """The platform installs with dependencies: with hashes, an installer refuses any that is not in the file."""
    folder, _ = source
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--require-hashes", "--only-binary", ":all:"]
    command += ["--python-version", "3.13", "--python-platform", "x86_64-manylinux_2_28", "--target", str(folder / "no")]
    done = subprocess.run([*command, "-r", str(folder / "requirements.txt")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_functions_framework_serves_it(
    source: tuple[Path, Any], engine: Any, base: str, run: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    """The real framework on what was rendered, in a container. The platform's own builder is not here: we unpack."""
    folder, plan = source
    chosen = tuple(pins.parse((folder / "requirements.txt").read_text(), pins.USER))
    with SilentReporter().step("") as step:
        found = wheels.fetch(chosen, wheels.Target("3.13", "x86_64"), step)
        text = (
            f"FROM {base}\nCOPY workspace/ /workspace/\nCOPY packages/ /packages/\n"
            "ENV PYTHONPATH=/packages HOME=/tmp\nWORKDIR /workspace\n"
        )
        entries = [Entry("Dockerfile", text.encode())]
        entries += [
            Entry(f"workspace/{path.relative_to(folder)}", path) for path in sorted(folder.rglob("*")) if path.is_file()
        ]
        for pin, wheel in zip(chosen, found, strict=True):
            entries += unpack(wheel, pin, "packages")
        context = io.BytesIO()
        write_tar(context, entries)
        context.seek(0)
        building.follow(engine.build(context, "x86_64", "mldeploy-test/source:1", is_fresh=False), step)
    environment = {**plan.environment, "PORT": "8080", "MLDEPLOY_ACCESS": "public"}
    command = ["python3", "-m", "functions_framework", "--source", "/workspace/main.py", "--target", "http"]
    body = (EXAMPLES / "digits" / "request.json").read_bytes()
    with run("mldeploy-test/source:1", environment, command=command, user="10001:10001") as port:
        status, answer = ask(port, "/predict", body, {"content-type": "application/json"})
    assert status == 200, answer
    assert b'"9"' in answer
