"""Configurations of AWS Lambda as the comparison sees them: from a spec, a program's document, or all. Pure.

LoadedSpec ─sizing──┐
document ───────────┴─▶ Option{memory, cpu, kept environments, traits} ─▶ spec keys
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from mldeploy.cost.book import nearest
from mldeploy.cost.values import Option
from mldeploy.errors import SpecError
from mldeploy.providers.aws import references
from mldeploy.providers.aws.limits import LIMITS, TITLE
from mldeploy.providers.aws.settings import AwsSettings
from mldeploy.providers.aws.sizing import DEFAULT_EPHEMERAL_MB, DEFAULT_MEMORY_MB, DEFAULT_TIMEOUT_S, NAME, settings_of, sizing
from mldeploy.spec.loaded import LoadedSpec

ARCHITECTURES = ("x86_64", "arm64")
PRODUCT = "lambda-"
MEMORY_MB_PER_VCPU = 1769
"""docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: at 1,769 MB a function has the equivalent of one vCPU."""
SIZES_MB = tuple(
    sorted(
        {
            *(128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024),
            *range(1280, 10241, 256),
            # One whole processor, and each further one.
            *range(MEMORY_MB_PER_VCPU, 10241, MEMORY_MB_PER_VCPU),
        }
    )
)
"""Lambda takes every megabyte from 128 to 10,240; these are enough to see where a model gains."""
IMAGE_MB = 100
"""What ECR bills of an image, compressed, when it is not built yet: an assumption. A cent a month."""


def sizes(product: str) -> tuple[Option, ...]:
    """The sizes that are compared, smallest first."""
    start = _default(_architecture(product))
    return tuple(_sized(start, memory_mb) for memory_mb in SIZES_MB)


def option(product: str, loaded: LoadedSpec | None, memory_mb: int | None) -> Option:
    """What a spec asks for on `product`. Raises SpecError for a product or a size that Lambda does not have."""
    architecture = _architecture(product)
    found = _default(architecture) if loaded is None else _of_spec(architecture, loaded)
    return found if memory_mb is None else _sized(found, _offered(memory_mb))


def option_of(program: Mapping[str, Any]) -> tuple[Option, str]:
    """The option and the region of a program's document."""
    function = program["function"]
    found = Option(
        provider=NAME,
        product=PRODUCT + function["architecture"],
        memory_mb=function["memory_mb"],
        cpu=_cpu(function["memory_mb"]),
        min_instances=function["provisioned_concurrency"],
        max_instances=function["reserved_concurrency"],
        ephemeral_mb=function["ephemeral_mb"],
        traits=_traits(
            program["endpoint"],
            program["alarms"],
            has_secret=bool(program["secrets"]["managed"]),
            log_retention_days=program["log_retention_days"],
            timeout_s=function["environment"]["MLDEPLOY_TIMEOUT_S"],
        ),
    )
    return found, program["region"]


def product_of(loaded: LoadedSpec) -> str:
    return PRODUCT + sizing(loaded, settings_of(loaded)).architecture


def region_of(loaded: LoadedSpec | None) -> str:
    return (AwsSettings() if loaded is None else settings_of(loaded)).region


def spec_keys(chosen: Option) -> Mapping[str, Any]:
    """What a spec says to get `chosen`. Environments are kept with `min_instances`, which an own `provisioned_concurrency`
    would overrule."""
    keys: dict[str, Any] = {
        "resources.memory_mb": chosen.memory_mb,
        "resources.architecture": _architecture(chosen.product),
    }
    if chosen.min_instances:
        keys["resources.min_instances"] = chosen.min_instances
    return keys


def _of_spec(architecture: str, loaded: LoadedSpec) -> Option:
    settings = settings_of(loaded)
    size = sizing(loaded, settings)
    managed, _ = references.split(references.references(loaded))
    return Option(
        provider=NAME,
        product=PRODUCT + architecture,
        memory_mb=_offered(size.memory_mb),
        cpu=_cpu(size.memory_mb),
        min_instances=size.provisioned,
        max_instances=size.reserved,
        ephemeral_mb=size.ephemeral_mb,
        traits=_traits(
            settings.endpoint,
            None if settings.alarms is None else settings.alarms.model_dump(),
            has_secret=bool(managed),
            log_retention_days=settings.log_retention_days,
            timeout_s=f"{size.timeout_s:g}",
        ),
    )


def _default(architecture: str) -> Option:
    settings = AwsSettings()
    return Option(
        provider=NAME,
        product=PRODUCT + architecture,
        memory_mb=DEFAULT_MEMORY_MB,
        cpu=_cpu(DEFAULT_MEMORY_MB),
        ephemeral_mb=DEFAULT_EPHEMERAL_MB,
        traits=_traits(
            settings.endpoint,
            None,
            has_secret=False,
            log_retention_days=settings.log_retention_days,
            timeout_s=f"{DEFAULT_TIMEOUT_S:g}",
        ),
    )


def _traits(
    endpoint: str, alarms: Mapping[str, Any] | None, *, has_secret: bool, log_retention_days: int, timeout_s: str
) -> tuple[tuple[str, str], ...]:
    """What decides the bill besides size, and how long a request may take. Alarms are counted as the program declares them:
    with an endpoint, errors are watched on the function and on its answers."""
    count = 0
    if alarms is not None:
        count += (1 if endpoint == "none" else 2) if alarms["errors"] is not None else 0
        count += (alarms["throttles"] is not None) + (alarms["p95_ms"] is not None)
    return (
        ("alarms", str(count)),
        ("endpoint", endpoint),
        ("image_mb", str(IMAGE_MB)),
        ("log_retention_days", str(log_retention_days)),
        ("secrets", str(int(has_secret))),
        ("timeout_s", timeout_s),
    )


def _sized(start: Option, memory_mb: int) -> Option:
    return dataclasses.replace(start, memory_mb=memory_mb, cpu=_cpu(memory_mb))


def _cpu(memory_mb: int) -> float:
    return memory_mb / MEMORY_MB_PER_VCPU


def _offered(memory_mb: int) -> int:
    limit = LIMITS.by_key["resources.memory_mb"]
    low, high = int(limit.low or 0), int(limit.high or 0)
    if not low <= memory_mb <= high:
        said = f"resources.memory_mb: {TITLE} offers no {memory_mb} MB, but every size from {low} to {high} MB"
        raise SpecError(said, f"the closest is {min(max(memory_mb, low), high)} MB ({limit.source}, {limit.date})")
    return memory_mb


def _architecture(product: str) -> str:
    architecture = product.removeprefix(PRODUCT)
    if product not in (PRODUCT + each for each in ARCHITECTURES):
        known = [PRODUCT + each for each in ARCHITECTURES]
        raise SpecError(f"{TITLE} has no product '{product}'", nearest(product, known))
    return architecture
