"""Image: Plan + Bundle become a container image, checked from the inside, in a registry under its fingerprint.

    tag(plan, bundle)                 names the image; pure           build(…)    the gated image in the local engine
    ensure(…, destination, report)    it is in the registry           digest(destination, tag)    what the registry has
    render(plan, bundle, folder)      Dockerfile and context          render_source(plan, bundle, folder)    for a source build
    checks()                          what doctor says of Docker

Importing this package imports neither Docker's SDK nor anything that builds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mldeploy.image.assembly import tag as tag
    from mldeploy.image.readiness import checks as checks
    from mldeploy.image.rendering import render as render
    from mldeploy.image.rendering import render_source as render_source
    from mldeploy.image.shipping import build as build
    from mldeploy.image.shipping import digest as digest
    from mldeploy.image.shipping import ensure as ensure

__all__ = ["build", "checks", "digest", "ensure", "render", "render_source", "tag"]

_HOMES = {
    "build": "mldeploy.image.shipping",
    "checks": "mldeploy.image.readiness",
    "digest": "mldeploy.image.shipping",
    "ensure": "mldeploy.image.shipping",
    "render": "mldeploy.image.rendering",
    "render_source": "mldeploy.image.rendering",
    "tag": "mldeploy.image.assembly",
}


def __getattr__(name: str) -> Any:
    """Import the one module that a name needs."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    globals()[name] = value = getattr(importlib.import_module(_HOMES[name]), name)
    return value
