"""Bundle: a model file becomes a content-addressed folder that any runtime can serve.

    pack(loaded, store) ─▶ Bundle          what `up` calls; unchanged inputs are a look-up
    identify(loaded, store) ─▶ Bundle      what `preview` calls: the same, without packing what is not packed yet
    inspect(path) ─▶ ModelFacts            what `init` calls

Importing this package, and packing what is already in the store, imports neither numpy nor onnx nor onnxruntime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mldeploy.bundle.contract import Bundle as Bundle
    from mldeploy.bundle.inspection import ModelFacts as ModelFacts
    from mldeploy.bundle.inspection import inspect as inspect
    from mldeploy.bundle.packing import identify as identify
    from mldeploy.bundle.packing import pack as pack

__all__ = ["Bundle", "ModelFacts", "identify", "inspect", "pack"]

_HOMES = {
    "Bundle": "mldeploy.bundle.contract",
    "ModelFacts": "mldeploy.bundle.inspection",
    "identify": "mldeploy.bundle.packing",
    "inspect": "mldeploy.bundle.inspection",
    "pack": "mldeploy.bundle.packing",
}


def __getattr__(name: str) -> Any:
    """Import the one module that a name needs (no module here is called like a name, so neither can hide the other)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
