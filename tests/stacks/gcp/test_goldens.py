"""What each spec becomes, whole: the plan's document, both stacks and their outputs. `pytest --update` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path

import gcp_harness as harness
import pytest

GOLDENS = Path(__file__).parent / "goldens"


@pytest.mark.parametrize("name", sorted(harness.SPECS))
def test_the_stacks_are_as_they_were(name: str, tmp_path: Path, is_update: bool) -> None:
    plan = harness.planned(name, tmp_path)
    registry, service = harness.stacks(name, tmp_path)
    found = {
        "preview": [f"{resource.kind}  {resource.name}  {resource.detail}" for resource in plan.resources],
        "document": plan.program,
        "registry": {"resources": listed(registry), "outputs": registry.outputs},
        "service": {"resources": listed(service), "outputs": service.outputs},
    }
    text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False).replace(str(Path(harness.__file__)), "SOURCE") + "\n"
    golden = GOLDENS / f"{name}.json"
    if is_update:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text(), "pytest --update writes the goldens anew; read the difference"


def listed(stack: harness.Stack) -> list[dict[str, object]]:
    """In an order that does not depend on which registration came first."""
    ordered = sorted(stack.resources, key=lambda resource: (resource.token, resource.name))
    return [{"type": resource.token, "name": resource.name, "inputs": harness.plain(resource.inputs)} for resource in ordered]
