"""What size an instance has and how many there may be: what the spec says, completed by what Azure pairs it with. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mldeploy.plan import Setting
from mldeploy.providers.azure.limits import MEMORY_STEP_MB, PREMIUM_SIZES
from mldeploy.providers.azure.settings import AzureSettings
from mldeploy.spec.loaded import LoadedSpec

NAME = "azure"
DEFAULT = "provider default"
DEFAULT_MEMORY_MB = 2048
DEFAULT_TIMEOUT_S = 30.0
DEFAULT_MAX_INSTANCES = 10
DEFAULT_CONCURRENCY = 10
MB_PER_VCPU = 2048
MIN_ZONES = 3


class Size(NamedTuple):
    """The size of one instance and the bounds of scaling. `requests` is how many each should have before another one starts."""

    cpu: Setting
    memory_mb: Setting
    min_instances: Setting
    max_instances: Setting
    requests: Setting
    timeout_s: Setting


def settings_of(loaded: LoadedSpec) -> AzureSettings:
    """The `clouds.azure` block, with its defaults."""
    return AzureSettings.model_validate(loaded.spec.clouds.get(NAME, {}))


def is_premium(settings: AzureSettings) -> bool:
    return settings.plan == "premium"


def size_of(loaded: LoadedSpec) -> Size:
    """The size with where each value comes from. A spec that breaks a rule gets some answer too: the rules name the fault."""
    settings, resources = settings_of(loaded), loaded.spec.resources

    def decide(key: str, said: float | None, otherwise: float, why: str = DEFAULT) -> Setting:
        return Setting(key, otherwise if said is None else said, loaded.origin(key) or (DEFAULT if said is not None else why))

    cpu, memory = _premium(settings) if is_premium(settings) else _pair(loaded, settings)
    least, why = _least(settings)
    return Size(
        cpu,
        memory,
        decide("resources.min_instances", resources.min_instances, least, why),
        decide("resources.max_instances", resources.max_instances, max(DEFAULT_MAX_INSTANCES, resources.min_instances or 0)),
        decide("resources.concurrency", resources.concurrency, DEFAULT_CONCURRENCY),
        decide("resources.timeout_s", resources.timeout_s, DEFAULT_TIMEOUT_S),
    )


def _premium(settings: AzureSettings) -> Iterator[Setting]:
    size = PREMIUM_SIZES[settings.premium_size]
    yield Setting("clouds.azure.cpu", size.cpu, f"clouds.azure.premium_size {settings.premium_size}")
    yield Setting("resources.memory_mb", size.memory_mb, f"clouds.azure.premium_size {settings.premium_size}")


def _pair(loaded: LoadedSpec, settings: AzureSettings) -> Iterator[Setting]:
    """vCPU and memory of a replica: each decides the other."""
    memory, cpu = loaded.spec.resources.memory_mb, settings.cpu
    memory_from, cpu_from = loaded.origin("resources.memory_mb"), loaded.origin("clouds.azure.cpu")
    if cpu is None:
        memory, memory_from = (DEFAULT_MEMORY_MB, DEFAULT) if memory is None else (memory, memory_from)
        cpu, cpu_from = memory / MB_PER_VCPU, "resources.memory_mb, in Azure's pairs"
    elif memory is None:
        memory, memory_from = round(cpu * MB_PER_VCPU / MEMORY_STEP_MB) * MEMORY_STEP_MB, "clouds.azure.cpu, in Azure's pairs"
    yield Setting("clouds.azure.cpu", cpu, cpu_from or DEFAULT)
    yield Setting("resources.memory_mb", memory, memory_from or DEFAULT)


def _least(settings: AzureSettings) -> tuple[int, str]:
    """How many instances are always there when the spec does not say, and why."""
    if is_premium(settings):
        return (MIN_ZONES, "clouds.azure.zone_redundant") if settings.zone_redundant else (1, "Elastic Premium keeps one")
    if settings.schedule is not None:
        return 1, "clouds.azure.schedule: a timer needs an instance that runs"
    return 0, DEFAULT
