"""Rules about the files themselves: size, names, and no cloud named in shared code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "mldeploy"
FILES = sorted(path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts)
BANNED_NAMES = {"utils", "helpers", "manager", "common", "misc"}
CLOUDS = {"aws", "azure", "gcp"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_is_one_concept(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300, "split it: a file past about 250 lines holds more than one idea"
    assert path.stem not in BANNED_NAMES


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_says_what_it_owns(path: Path) -> None:
    source = path.read_text()
    assert not source.strip() or ast.get_docstring(ast.parse(source)), f"{path} has no module docstring"


@pytest.mark.parametrize("path", [p for p in FILES if "providers" not in p.parts], ids=lambda p: str(p.relative_to(ROOT)))
def test_shared_code_compares_no_cloud_name(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare):
            constants = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
            assert not constants & CLOUDS, (
                f"{path.name}:{node.lineno}: a difference between clouds is a fact in Limits or a method"
            )
