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
    "drawing": set(),
    "cost": {"errors", "progress", "spec", "plan", "state", "drawing"},
    "calling": {"providers.contract"},
    "smoke": {"errors", "progress", "spec", "providers.contract", "calling"},
    "validate": {"errors", "plan", "spec", "providers"},
    "providers": {
        "errors",
        "progress",
        "plan",
        "spec",
        "bundle",
        "handlers",
        "state",
        "smoke",
        "stacks",
        "naming",
        "image",
        "cost",
        "iam",
        "ci.contract",
    },
    "iam": {"errors", "progress", "plan", "state", "stacks", "providers.contract"},
    "image": {"errors", "progress", "plan", "spec", "bundle", "state", "smoke", "providers.contract"},
    "stacks": {"errors", "progress", "plan", "spec", "bundle", "state", "smoke", "calling", "image", "providers.contract"},
    "naming": set(),
    "ci": {"errors", "spec"},
    "deploy": {"errors", "progress", "plan", "spec", "bundle", "providers", "state", "validate", "image"},
    "bench": {"errors", "progress", "plan", "handlers", "providers", "image", "cost", "drawing"},
    "cli": {
        "errors",
        "progress",
        "plan",
        "spec",
        "bundle",
        "providers",
        "deploy",
        "bench",
        "cost",
        "handlers",
        "state",
        "smoke",
        "calling",
        "image",
        "stacks",
        "iam",
        "ci",
        "templates",
    },
}
ONLY_IN = {
    "click": "cli",
    "docker": "image",
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


def test_pulumi_stays_where_it_belongs() -> None:
    """`pulumi.automation` in one module; the SDKs in the clouds' programs and in `stacks/`."""
    for path in python_files():
        relative = path.relative_to(ROOT)
        for name, line in imported(path):
            if name.startswith("pulumi.automation"):
                assert relative == Path("stacks/automation.py"), f"{relative}:{line} imports {name}"
            elif name.partition(".")[0].partition("_")[0] == "pulumi":
                is_program = relative.parts[0] == "providers" and relative.parts[2] in ("program", "bootstrap")
                is_asked_for = relative.name == "cloud.py" and name.startswith("pulumi_")  # to see early that it is installed
                assert is_program or is_asked_for or relative.parts[0] == "stacks", f"{relative}:{line} imports {name}"


def test_programs_and_entry_points_stand_alone() -> None:
    """A program can be written out by `eject`; an entry point ships in the image with `handlers` and itself."""
    for path in python_files():
        relative = path.relative_to(ROOT)
        if relative.parts[0] != "providers" or len(relative.parts) < 4 or relative.parts[2] not in ("program", "entry"):
            continue
        own = f"mldeploy.providers.{relative.parts[1]}.{relative.parts[2]}"
        for name, line in imported(path):
            if name.startswith("mldeploy"):
                is_handlers = relative.parts[2] == "entry" and name.startswith("mldeploy.handlers")
                assert name.startswith(own) or is_handlers, f"{relative}:{line} imports {name}"


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
        ("import mldeploy.providers.local.provider", {"numpy", "onnxruntime", "onnx", "pulumi", "docker"}),
        ("import mldeploy.handlers.core", {"numpy", "onnxruntime", "PIL", "dataclasses", "pydantic", "logging"}),
    ],
)
def test_importing_stays_light(statement: str, banned: set[str]) -> None:
    assert modules_after(statement) & banned == set()
