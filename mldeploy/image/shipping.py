"""What others call: build, ensure, digest.

ensure: ask the registry for the tag ─ there ─▶ ImageRef (no build, no push, no Docker)
                                     └ not there ─▶ build ─ gates ─ push ─ verify ─▶ ImageRef
"""

from __future__ import annotations

from contextlib import closing

from mldeploy.bundle.contract import Bundle
from mldeploy.image import assembly, building, gates, pushing, registry
from mldeploy.image.contract import BuiltImage, Destination, ImageRef
from mldeploy.image.engine import connect
from mldeploy.plan import Plan
from mldeploy.progress import Reporter
from mldeploy.spec.loaded import LoadedSpec


def build(plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter, *, is_fresh: bool = False) -> BuiltImage:
    """The gated image in the local engine; nothing is pushed. `is_fresh` takes nothing from the builder's cache.

    Raises ProviderError (no engine), GateError, SmokeError or DeployError."""
    with closing(connect()) as engine:
        return building.build(engine, plan, bundle, loaded, report, is_fresh=is_fresh)


def ensure(plan: Plan, bundle: Bundle, loaded: LoadedSpec, destination: Destination, report: Reporter) -> ImageRef:
    """The image in the registry. Raises what `build` and `pushing.push` raise."""
    tag = assembly.tag(plan, bundle)
    with report.step("registry", f"looking for {tag[:12]}") as step:
        found = registry.manifest(destination, tag)
        step.done(f"{tag[:12]} is there; nothing to build or push" if found else f"{tag[:12]} is not there yet")
    if found is not None:
        gates.check_single(found.media_type, f"{destination.repository}:{tag}")
        return ImageRef(destination.repository, tag, found.digest)
    with closing(connect()) as engine:
        built = building.build(engine, plan, bundle, loaded, report)
        return pushing.push(engine, built, destination, report)


def digest(destination: Destination, tag: str) -> str | None:
    """The digest of a tag in the registry; None when it has no such tag."""
    found = registry.manifest(destination, tag)
    return found.digest if found is not None else None
