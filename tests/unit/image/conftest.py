"""A plan and a bundle on disk, without Docker and without a network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mldeploy.bundle.contract import Bundle
from mldeploy.handlers.tensor import TensorSpec
from mldeploy.plan import Plan, Recipe, Setting

RECIPE = Recipe(
    base="example.org/python:3.13",
    architecture="x86_64",
    python="3.13",
    engine="auto",
    requirements=("orjson",),
    modules=("mldeploy.handlers",),
    entrypoint=("python3", "-P", "-m", "entry"),
    command=(),
    probe=("python3", "-m", "probe"),
)


@pytest.fixture
def recipe() -> Recipe:
    return RECIPE


@pytest.fixture
def plan(recipe: Recipe) -> Plan:
    return Plan(
        provider="toy", name="digits", stage="dev", fingerprint="ab" * 32, access="private",
        settings=(Setting("resources.memory_mb", 512, "here"),), resources=(), environment={"LOG": "plain"},
        secrets={"TOKEN": "env:TOKEN"}, image=recipe,
    )  # fmt: skip


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Bundle]:
    def make(**changes: Any) -> Bundle:
        document = {"hook": "", "preprocess": None, **changes.pop("document", {})}
        root = tmp_path / "bundle"
        root.mkdir(exist_ok=True)
        (root / "bundle.json").write_text(json.dumps(document))
        (root / "model.onnx").write_bytes(b"model")
        if document["hook"]:
            (root / document["hook"]).write_text("def predict(): ...\n")
        spec = (TensorSpec("x", "FP32", (-1, 4)),)
        return replace(Bundle(root, "digits", "ab" * 32, "onnx", spec, spec), **changes)

    return make


@pytest.fixture
def bundle(make_bundle: Callable[..., Bundle]) -> Bundle:
    return make_bundle()
