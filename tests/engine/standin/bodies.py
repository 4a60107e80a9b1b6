"""Which published types a body is compared with. The restoration to REST is the one that tests/stacks uses too.

inputs ─rest_form.problems─▶ Google's discovery documents · the models of azure-mgmt-*
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from standin.servicer import BodyCheck, no_check

STACKS = Path(__file__).parents[2] / "stacks"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
PLACES = {"gcp": "gcp", "azure-native": "azure"}


def body_check(plugin: str) -> BodyCheck:
    """The check of this plugin's bodies."""
    path = STACKS / PLACES[plugin] / "rest_form.py"
    if not path.exists():
        return no_check
    spec = importlib.util.spec_from_file_location(f"rest_form_{PLACES[plugin]}", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def check(token: str, inputs: Mapping[str, Any]) -> Iterable[str]:
        known = _known(dict(inputs))
        if known != inputs:  # a preview does not have every value yet; the body is checked whole when it is sent
            return ()
        return list(module.problems(token, {name: value for name, value in known.items() if name != "__defaults"}))

    return check


def _known(value: Any) -> Any:
    """`value` without what is not known yet."""
    if isinstance(value, dict):
        return {name: _known(item) for name, item in value.items() if item != UNKNOWN}
    return [_known(item) for item in value if item != UNKNOWN] if isinstance(value, list) else value
