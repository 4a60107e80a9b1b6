"""Everything that the programs register for each spec, as committed files; `pytest tests/stacks/azure --update` renews them."""

from __future__ import annotations

import json
from pathlib import Path

import azure_programs as ap
import pytest
from azure_runs import run

GOLDENS = Path(__file__).parent / "goldens"


@pytest.mark.parametrize("name", ap.SPECS)
def test_the_programs_register_what_was_reviewed(name: str, is_update: bool) -> None:
    done = run(name)
    found = {
        "document": done.document,
        "registry": _plain(done.registry),
        "service": _plain(done.service),
        "service beside a live release": _plain(done.beside)["exports"],
    }
    text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    file = GOLDENS / f"{name}.json"
    if is_update:
        file.write_text(text)
    assert file.exists(), f"{file.name} is missing: run with --update and review it"
    assert json.loads(file.read_text()) == json.loads(text)


def _plain(recorded: ap.Recorded) -> dict[str, object]:
    resources = {f"{each.kind.removeprefix('azure-native:')} {each.name}": each.inputs for each in recorded.resources}
    return {"resources": resources, "exports": dict(recorded.exports)}
