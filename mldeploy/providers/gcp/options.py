"""Configurations of Cloud Run that can be priced: what is offered, what a spec asks for, what a deployment has. Pure.

spec, --memory ─▶ sizing ──────┐
program document ─▶ container ─┼─▶ Option ─▶ spec_keys: what to write into a spec to get it
limits ─▶ sizes ───────────────┘
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mldeploy.cost.values import Option
from mldeploy.errors import SpecError
from mldeploy.providers.gcp import references
from mldeploy.providers.gcp.limits import GEN2_MIN_MEMORY_MB, NAME, TITLE, WHOLE_CPUS, size_of
from mldeploy.providers.gcp.pricing import INSTANCE, JOB, L4, REQUEST
from mldeploy.providers.gcp.rules import settings_of
from mldeploy.providers.gcp.settings import DEFAULT_REGION, GcpSettings
from mldeploy.providers.gcp.sizing import Sizing, sizing
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import Resources

# Below one vCPU Cloud Run takes any share; these are the pairs that its functions have (functions/configuring/memory).
SHARES = ((0.083, 128), (0.167, 256), (0.333, 512), (0.583, 1024))
MEMORY_STEPS_MB = (256, 512, 1024, 2048, 4096, 8192, 16384, 24576, 32768)
L4_MIN_CPU, L4_MIN_MEMORY_MB = 4, 16384
_DEFAULTS = GcpSettings()


def sizes(product: str) -> tuple[Option, ...]:
    """Every share of a vCPU, then every whole one with the memory that goes with it, smallest first."""
    return tuple(_option(product, sizing(Resources(memory_mb=mb), GcpSettings(cpu=cpu))) for cpu, mb in _offered(product))


def _offered(product: str) -> Iterator[tuple[float, int]]:
    if product == REQUEST:
        yield from SHARES
    least_mb = {REQUEST: MEMORY_STEPS_MB[0], L4: L4_MIN_MEMORY_MB}.get(product, GEN2_MIN_MEMORY_MB)
    for cpu, low_mb, high_mb in WHOLE_CPUS:
        if product != L4 or cpu >= L4_MIN_CPU:
            yield from ((cpu, mb) for mb in MEMORY_STEPS_MB if max(low_mb, least_mb) <= mb <= high_mb)


def product_of(loaded: LoadedSpec) -> str:
    return INSTANCE if settings_of(loaded).cpu_always_on else REQUEST


def region_of(loaded: LoadedSpec | None) -> str:
    return DEFAULT_REGION if loaded is None else settings_of(loaded).region


def option(product: str, loaded: LoadedSpec | None, memory_mb: int | None) -> Option:
    """What a spec asks for, as `product`. A product that the spec does not deploy takes the spec's size, or its own least one.

    Raises SpecError for a size that there is not.
    """
    resources = Resources() if loaded is None else loaded.spec.resources
    settings = _DEFAULTS if loaded is None else settings_of(loaded)
    if memory_mb is not None:
        resources = resources.model_copy(update={"memory_mb": memory_mb})
    size = sizing(resources, settings)
    is_own = loaded is not None and product == product_of(loaded)
    if memory_mb is None and not is_own and _fault(product, size):
        size = _lifted(product, resources, size)
    fault = _fault(product, size)
    if fault:
        raise SpecError(
            f"{TITLE} has no instance of {size.memory_mb} MiB and {size.cpu:g} vCPU: {fault}", _nearest(product, size)
        )
    return _option(product, size, () if loaded is None else tuple(_traits(loaded, settings, size)))


def _fault(product: str, size: Sizing) -> str:
    """Why there is no such instance; empty when there is."""
    known = size_of(size.cpu)
    if known is None:
        return f"vCPUs are a share of one, or {', '.join(f'{each.cpu:g}' for each in WHOLE_CPUS)}"
    if not known.low_mb <= size.memory_mb <= known.high_mb:
        return f"{size.cpu:g} vCPU takes {known.low_mb} to {known.high_mb} MiB"
    if product in (INSTANCE, JOB) and (size.cpu < 1 or size.memory_mb < GEN2_MIN_MEMORY_MB):
        return f"instance-based billing takes 1 vCPU and {GEN2_MIN_MEMORY_MB} MiB at least"
    if product == L4 and (size.cpu < L4_MIN_CPU or size.memory_mb < L4_MIN_MEMORY_MB):
        return f"an L4 takes {L4_MIN_CPU} vCPU and {L4_MIN_MEMORY_MB} MiB at least"
    return ""


def _lifted(product: str, resources: Resources, size: Sizing) -> Sizing:
    """The least size of `product` that is no smaller than `size`."""
    for cpu, mb in _offered(product):
        if cpu >= size.cpu and mb >= size.memory_mb:
            return sizing(resources.model_copy(update={"memory_mb": mb}), GcpSettings(cpu=cpu))
    return size


def _nearest(product: str, size: Sizing) -> str:
    """The closest memory sizes that there are."""
    offered = sorted({mb for _, mb in _offered(product)}, key=lambda mb: (abs(mb - size.memory_mb), mb))[:3]
    return f"the closest sizes are {', '.join(f'{mb} MiB' for mb in sorted(offered))}"


def _option(product: str, size: Sizing, traits: tuple[tuple[str, str], ...] = ()) -> Option:
    is_job = product == JOB
    return Option(
        provider=NAME,
        product=product,
        memory_mb=size.memory_mb,
        cpu=float(size.cpu),
        concurrency=1 if is_job else size.concurrency,
        min_instances=0 if is_job else size.min_instances,
        max_instances=None if is_job else size.max_instances,
        traits=traits,
    )


def _traits(loaded: LoadedSpec, settings: GcpSettings, size: Sizing) -> Iterator[tuple[str, str]]:
    """What stands beside the service and is billed, counted, and when a request is given up; sorted."""
    spec = loaded.spec
    managed = sum(references.is_managed(reference or f"env:{name}") for name, reference in spec.secrets.items())
    has_key = spec.access == "key" and references.KEY_NAME not in spec.secrets
    alarms = settings.alarms.model_dump() if settings.alarms else None
    return _told(alarms, settings.schedule is not None, managed + has_key, f"{size.timeout_s:g}")


def _told(alarms: Mapping[str, Any] | None, has_schedule: bool, secrets: int, timeout_s: str) -> Iterator[tuple[str, str]]:
    conditions = sum(bool((alarms or {}).get(key)) for key in ("errors", "throttles", "p95_ms"))
    for name, count in (("alarms", conditions), ("schedules", int(has_schedule)), ("secrets", secrets)):
        if count:
            yield name, str(count)
    yield "timeout_s", timeout_s


def option_of(program: Mapping[str, Any]) -> tuple[Option, str]:
    """The option and the region of a program document."""
    container, cpu = program["container"], str(program["container"]["cpu"])
    timeout_s = str(program["environment"]["MLDEPLOY_TIMEOUT_S"])
    found = Option(
        provider=NAME,
        product=INSTANCE if container["cpu_always_on"] else REQUEST,
        memory_mb=container["memory_mb"],
        cpu=int(cpu.removesuffix("m")) / 1000 if cpu.endswith("m") else float(cpu),
        concurrency=container["concurrency"],
        min_instances=container["min_instances"],
        max_instances=container["max_instances"],
        traits=tuple(_told(program["alarms"], program["schedule"] is not None, len(program["secrets"]), timeout_s)),
    )
    return found, str(program["region"])


def spec_keys(option: Option) -> Mapping[str, Any]:
    """What a spec says to deploy this; nothing for what mldeploy does not deploy."""
    if option.product not in (REQUEST, INSTANCE):
        return {}
    return {
        "resources.memory_mb": option.memory_mb,
        "resources.concurrency": option.concurrency,
        "resources.min_instances": option.min_instances,
        "clouds.gcp.cpu": option.cpu,
        "clouds.gcp.cpu_always_on": option.product == INSTANCE,
    }
