"""Provider `local`: the embedded default. A deployment is a supervised process on this machine; no account, no Docker.

    up ─▶ driver ──desired.json, inbox──▶ supervisor ──control socket──▶ runtime (mldeploy.handlers)
             ◀──────observed.json────────      └─ owns the public socket, the log and the secrets in memory

`provider` is imported when it is asked for: the supervisor and the runtimes live long and do without pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mldeploy.providers.local.provider import provider as provider


def __getattr__(name: str) -> Any:
    if name != "provider":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    # import_module binds the submodule to this very name; the object replaces it.
    globals()["provider"] = import_module(f"{__name__}.provider").provider
    return globals()["provider"]
