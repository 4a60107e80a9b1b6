"""What the entry points' tests share: the corpus and its bundles, and the modules beside this file."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


def load(name: str) -> ModuleType:
    """A module of this folder, once; pytest's importlib mode puts no folder on sys.path."""
    known = f"_entrypoints_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[known]


@pytest.fixture(scope="session")
def corpus() -> ModuleType:
    """corpus.py"""
    return load("corpus")


@pytest.fixture(scope="session")
def folder(corpus: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a bundle of the corpus, by name."""
    get: Callable[[str], Path] = corpus.bundles(tmp_path_factory.mktemp("corpus"))
    return get
