"""Provider `azure`: Azure Functions from a container image, on Container Apps (default) or on an Elastic Premium plan.

    spec ─settings, rules─▶ plan ─▶ Plan{recipe, document} ─▶ shared stack driver ─▶ program/ (Pulumi), cloud.py (ARM)

`provider` is imported when it is asked for: the entry point in the image lies below this package and does without pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mldeploy.providers.azure.provider import provider as provider


def __getattr__(name: str) -> Any:
    if name != "provider":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    # import_module binds the submodule to this very name; the object replaces it.
    globals()["provider"] = import_module(f"{__name__}.provider").provider
    return globals()["provider"]
