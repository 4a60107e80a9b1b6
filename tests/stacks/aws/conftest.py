"""Specs, plans and the programs of AWS under mocks, which return what a real provider would compute."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aws_stack import Stack

    from mldeploy.plan import Plan

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "contract")]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(folder))
    return folder


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., Plan]:
    """The plan of a spec's text, for a stage."""
    from aws_stack import plan_of

    return lambda text, stage="dev": plan_of(tmp_path, text, stage)


@pytest.fixture
def deployed(planned: Callable[..., Plan]) -> Callable[..., tuple[Stack, Stack]]:
    """Both stacks of a spec's text, as the engine would be told of them."""

    from aws_stack import run

    from mldeploy.providers.aws import program

    def declare(text: str, stage: str = "dev", live: str = "") -> tuple[Stack, Stack]:
        document = dict(planned(text, stage).program)
        document |= {"image": f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/digits-dev@sha256:{'ab' * 32}"}
        document |= {"release": "0123456789ab", "live": live}
        return run(program.registry, document), run(program.service, document)

    return declare
