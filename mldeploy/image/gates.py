"""Gates: what an image must be before it is pushed. Each refuses with a GateError (or a SmokeError) that says what to do.

architecture · one platform, no index · size · the smoke requests answered inside it: no network, root read-only, no capability
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mldeploy.errors import GateError
from mldeploy.image import largest
from mldeploy.image.engine import Engine, platform
from mldeploy.image.probe import Probe
from mldeploy.plan import Plan, Recipe
from mldeploy.progress import Reporter
from mldeploy.smoke import run_requests
from mldeploy.spec.loaded import LoadedSpec

MB = 1_000_000
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
TITLE = "gate"
_TMP_MB = 64


def check(engine: Engine, recipe: Recipe, name: str, sizes: Callable[[], Mapping[str, int]]) -> None:
    """The gates that look at the image from outside. `sizes` tells those of its packages and the model; only asked
    when the image is too large."""
    found = engine.inspect(name)
    if found is None:
        raise GateError(f"{name} is not in the engine", "run again; it is built anew")
    check_architecture(found, recipe)
    check_single(str((found.get("Descriptor") or {}).get("mediaType", "")), name)
    if int(found["Size"]) > recipe.max_mb * MB:
        raise too_large(int(found["Size"]), recipe.max_mb, largest.parts(engine, recipe, sizes()))


def check_architecture(found: Mapping[str, Any], recipe: Recipe) -> None:
    """Raises GateError when the image is of another architecture than the plan's."""
    got, wanted = f"{found['Os']}/{found['Architecture']}", platform(recipe.architecture)
    if got != wanted:
        raise GateError(
            f"the image is for {got}, and the plan wants {wanted}",
            f"{recipe.base} is of that architecture on this machine: docker pull --platform {wanted} {recipe.base}",
        )


def check_single(media_type: str, name: str) -> None:
    """Raises GateError for an index: several platforms, or attestations beside the image. Some platforms reject it."""
    if media_type in INDEXES:
        raise GateError(
            f"{name} is an index of several manifests ({media_type}), not one image",
            "build without attestations: BUILDX_NO_DEFAULT_ATTESTATIONS=1, one platform",
        )


def too_large(size_bytes: int, max_mb: int, parts: tuple[tuple[str, int], ...]) -> GateError:
    """The error that names what is large."""
    rows = "".join(f"\n    {size / MB:8.1f} MB  {name}" for name, size in parts)
    return GateError(
        f"the image has {size_bytes / MB:.0f} MB, and at most {max_mb} MB are allowed; its largest parts:{rows}",
        "take what is not needed out of the model or image.requirements, or raise image.max_mb",
    )


def ask(engine: Engine, plan: Plan, recipe: Recipe, name: str, loaded: LoadedSpec, report: Reporter) -> int:
    """Send the smoke requests to the image's own probe; returns how many. Raises SmokeError, GateError or DeployError."""
    with Probe(engine, name, recipe.probe, **confinement(plan, recipe)) as probe:
        return run_requests(loaded, probe.ask, report, TITLE)


def confinement(plan: Plan, recipe: Recipe) -> dict[str, Any]:
    """How the probe's container is shut in: as tightly as any platform does."""
    settings: dict[str, Any] = {
        "environment": {**plan.environment, "MLDEPLOY_ACCESS": "private"},
        "user": recipe.user,
        "read_only": True,
        "tmpfs": {"/tmp": f"rw,nosuid,nodev,size={_TMP_MB}m,mode=1777"},  # noqa: S108
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "network_mode": "none",
    }
    memory_mb = memory_of(plan)
    if memory_mb is not None:
        settings |= {"mem_limit": f"{memory_mb}m", "memswap_limit": f"{memory_mb}m"}
    return settings


def memory_of(plan: Plan) -> int | None:
    """The plan's memory in MiB, where it limits it."""
    try:
        value = plan.setting("resources.memory_mb")
    except KeyError:
        return None
    return int(value) if value else None
