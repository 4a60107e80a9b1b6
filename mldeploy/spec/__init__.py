"""Spec: what the user said. mldeploy.yaml -> a validated, frozen ModelSpec with the place of every key.

    find(start) ─▶ path ─load(path, stage)─▶ LoadedSpec          json_schema(settings) ─▶ what editors check against

Importing this package imports neither pydantic nor yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mldeploy.spec.loaded import LoadedSpec as LoadedSpec
    from mldeploy.spec.loading import find as find
    from mldeploy.spec.loading import load as load
    from mldeploy.spec.model import ModelSpec as ModelSpec
    from mldeploy.spec.schema import json_schema as json_schema

__all__ = ["LoadedSpec", "ModelSpec", "find", "json_schema", "load"]

_HOMES = {
    "LoadedSpec": "mldeploy.spec.loaded",
    "ModelSpec": "mldeploy.spec.model",
    "find": "mldeploy.spec.loading",
    "json_schema": "mldeploy.spec.schema",
    "load": "mldeploy.spec.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
