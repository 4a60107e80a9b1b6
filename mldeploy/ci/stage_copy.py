"""A spec with one more stage: a pull request's own deployment is the same model under a stage named after it."""

from __future__ import annotations

import json
from typing import Any

import yaml

from mldeploy.errors import SpecError


def with_stage(text: str, stage: str, like: str) -> str:
    """The spec `text` with `stage`, an overlay equal to that of `like` (empty where there is none). JSON, which YAML contains.

    The caller has loaded the spec before, so `text` is known to be one. Raises SpecError when the stage is declared already."""
    document: dict[str, Any] = yaml.safe_load(text)
    stages: dict[str, Any] = document.get("stages") or {}
    if stage in stages:
        raise SpecError(f"the spec already has a stage '{stage}'", "name another one")
    return json.dumps({**document, "stages": {**stages, stage: stages.get(like) or {}}}, indent=2, ensure_ascii=False) + "\n"
