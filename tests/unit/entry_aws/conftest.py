"""A loaded runtime with Lambda's clock over the corpus's small bundles."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.log import Log
from mldeploy.providers.aws.entry.deadline import TimedRuntime

ENTRYPOINTS = Path(__file__).parents[2] / "runtime/entrypoints"


class Context:
    """Lambda's context, as far as the handler asks."""

    aws_request_id = "lambda-1"

    def __init__(self, remaining_ms: float = 30_000) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> float:
        return self._remaining_ms


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_entry_aws_{name}", ENTRYPOINTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def corpus() -> ModuleType:
    return _load("corpus")


@pytest.fixture(scope="session")
def doors() -> ModuleType:
    return _load("aws_envelopes")


@pytest.fixture(scope="session")
def folder(corpus: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    get: Callable[[str], Path] = corpus.bundles(tmp_path_factory.mktemp("bundles"))
    return get


@pytest.fixture
def context() -> type[Context]:
    return Context


@pytest.fixture
def runtime(folder: Callable[[str], Path], tmp_path: Path) -> Iterator[Callable[..., TimedRuntime]]:
    """`runtime("plain", access="key")`; its log is `runtime.lines()`."""
    made: list[TimedRuntime] = []

    def get(name: str | Path, **settings: Any) -> TimedRuntime:
        log = tmp_path / f"log{len(made)}"
        fd = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        place = folder(name) if isinstance(name, str) else name
        one = TimedRuntime(place, ServingConfig(**settings), Log({"model": "m"}, fd))
        one.load()
        one.lines = lambda: log.read_text()  # type: ignore[attr-defined]
        made.append(one)
        return one

    yield get
    for one in made:
        one.close()
