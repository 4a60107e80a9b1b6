"""The import rules, read from the source: imports run one way, and heavy libraries stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "mldeploy"

# A part may import the parts to its right on its own line, itself, and nothing else of the package.
ALLOWED = {
    "errors": set(),
    "progress": set(),
    "handlers": set(),
    "spec": {"errors"},
    "bundle": {"errors", "progress", "spec", "handlers", "state"},
    "plan": set(),
    "state": {"errors"},
    "smoke": {"errors", "progress", "spec", "providers.contract"},
    "validate": {"errors", "plan", "spec", "providers"},
    "providers": {"errors", "progress", "plan", "spec", "bundle", "handlers", "state", "smoke", "stacks", "naming"},
    "stacks": {"errors", "progress", "plan"},
    "naming": {"errors"},
    "deploy": {"errors", "progress", "plan", "spec", "bundle", "providers", "state", "validate"},
    "bench": {"errors", "progress", "handlers", "providers"},
    "cli": {
        "errors",
        "progress",
        "plan",
        "spec",
        "bundle",
        "providers",
        "deploy",
        "bench",
        "handlers",
        "state",
        "smoke",
        "templates",
    },
}
ONLY_IN = {
    "click": "cli",
    "docker": "image",
    "pulumi": "stacks",
    "httptools": "handlers",
    "orjson": "handlers",
}


def python_files() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts)


def imported(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def part_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return relative.parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", python_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        assert list(imported(path)) == []
        return
    assert part in ALLOWED, f"{part} is a new part: give it a line in ALLOWED, in its place in the flow"
    for name, line in imported(path):
        if not name.startswith("mldeploy.") or name.startswith("mldeploy.__version__"):
            continue
        target = name.removeprefix("mldeploy.")
        allowed = {part, *ALLOWED[part]}
        assert any(target == a or target.startswith(f"{a}.") for a in allowed), f"{path.name}:{line} imports {name}"


@pytest.mark.parametrize("path", python_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_libraries_stay_where_they_belong(path: Path) -> None:
    for name, line in imported(path):
        home = ONLY_IN.get(name.split(".")[0])
        assert home is None or part_of(path) == home, f"{path.name}:{line} imports {name}, which belongs to {home}/"


def test_onnxruntime_is_imported_with_its_telemetry_off() -> None:
    doors = {"bundle/ort.py", "handlers/engines/stock.py"}
    found = {
        str(path.relative_to(ROOT))
        for path in python_files()
        for name, _ in imported(path)
        if name.split(".")[0] == "onnxruntime"
    }
    assert found == doors
    assert all("switch_telemetry_off()" in (ROOT / door).read_text() for door in doors)


def test_providers_do_not_know_each_other() -> None:
    folders = {path.name for path in (ROOT / "providers").iterdir() if path.is_dir()}
    for path in python_files():
        own = path.relative_to(ROOT).parts[1] if part_of(path) == "providers" else ""
        for name, line in imported(path):
            for other in folders - {own}:
                assert not name.startswith(f"mldeploy.providers.{other}"), f"{path}:{line} imports {name}"


def modules_after(statement: str) -> set[str]:
    """What the statement imports, beyond what the interpreter (and a coverage measurement) had imported before."""
    code = f"import sys; before = set(sys.modules); {statement}; print('\\n'.join(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "banned"),
    [
        ("import mldeploy.cli.__main__", {"pulumi", "docker", "numpy", "onnxruntime", "onnx", "pydantic", "yaml", "PIL"}),
        ("import mldeploy.deploy", {"pulumi", "docker", "numpy", "onnxruntime", "onnx", "pydantic", "yaml", "PIL"}),
        ("import mldeploy.bundle", {"numpy", "onnxruntime", "onnx", "sklearn"}),
        ("import mldeploy.providers.local", {"numpy", "onnxruntime", "onnx", "pulumi", "docker"}),
        ("import mldeploy.handlers.core", {"numpy", "onnxruntime", "PIL", "dataclasses", "pydantic", "logging"}),
    ],
)
def test_importing_stays_light(statement: str, banned: set[str]) -> None:
    assert modules_after(statement) & banned == set()
