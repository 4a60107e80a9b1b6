"""Everything that both programs declare, kept as JSON: a change shows in the diff. `pytest --update` writes it anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_stack import SPECS, Stack

GOLDENS = Path(__file__).parent / "goldens"


@pytest.mark.parametrize("name", SPECS)
def test_stacks_are_as_kept(name: str, deployed: Callable[..., tuple[Stack, Stack]], is_update: bool) -> None:
    registry, service = deployed(SPECS[name])
    found = json.dumps({"registry": registry.plain(), "service": service.plain()}, indent=1, sort_keys=True) + "\n"
    golden = GOLDENS / f"{name}.json"
    if is_update:
        golden.write_text(found)
    assert found == golden.read_text(), "review the change, then: pytest tests/stacks/aws --update"
