"""Provider `gcp`: a Cloud Run service from the image, or a Cloud Run function from the rendered source.

    plan (pure) ─▶ Plan{image, program document} ─▶ shared stack driver ◀─ cloud (what only Google Cloud knows)
                                                          └─▶ program/ (registry, service)

`provider` is imported when it is asked for: the entry point ships in the image under this package's name, without the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mldeploy.providers.gcp.provider import provider as provider


def __getattr__(name: str) -> Any:
    if name != "provider":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    # import_module binds the submodule to this very name; the object replaces it.
    globals()["provider"] = import_module(f"{__name__}.provider").provider
    return globals()["provider"]
