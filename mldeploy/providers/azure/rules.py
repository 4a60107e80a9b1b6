"""What is wrong with a spec for Azure beyond single limits: every problem at once, each with its fix. Pure and offline."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mldeploy.errors import Problem
from mldeploy.providers.azure import timer
from mldeploy.providers.azure.limits import (
    CONTAINERS,
    FUNCTIONS_ON_APPS,
    MAX_PREMIUM_INSTANCES,
    MAX_TAGS,
    MEMORY_STEP_MB,
    OWN_TAGS,
    PAIRS,
    PREMIUM_SIZES,
    READ_ON,
    ephemeral_mb,
)
from mldeploy.providers.azure.references import is_known
from mldeploy.providers.azure.settings import AzureSettings
from mldeploy.providers.azure.sizing import MB_PER_VCPU, MIN_ZONES, is_premium, settings_of, size_of
from mldeploy.spec.loaded import LoadedSpec

Found = Iterator[tuple[str, str, str]]
"""Dotted key, what is wrong, what to do instead."""

FIRST_FREE_PORT = 1024
RESERVED_TAGS = ("tool", "model", "stage", "fingerprint")
PLATFORM_PREFIXES = (
    "FUNCTIONS_",
    "WEBSITE_",
    "WEBSITES_",
    "AZUREWEBJOBS",
    "APPLICATIONINSIGHTS_",
    "ASPNETCORE_",
    "CONTAINER_APP_",
)


def problems(loaded: LoadedSpec) -> Iterator[Problem]:
    """All of them, in no order."""
    settings = settings_of(loaded)
    rules: tuple[Callable[[LoadedSpec, AzureSettings], Found], ...] = (
        _plan, _size, _instances, _premium, _disk, _port, _access, _secrets, _environment, _schedule, _tags
    )  # fmt: skip
    for rule in rules:
        for key, message, fix in rule(loaded, settings):
            yield loaded.problem(key, message, fix)


def _plan(loaded: LoadedSpec, settings: AzureSettings) -> Found:
    """Only two plans of Azure Functions run a container image of one's own."""
    if settings.plan in ("flex", "consumption"):
        yield (
            "clouds.azure.plan",
            f"Azure's {settings.plan} plan runs no container image of one's own ({FUNCTIONS_ON_APPS}, {READ_ON})",
            "write container_apps, which scales to zero as well, or premium",
        )


def _size(loaded: LoadedSpec, settings: AzureSettings) -> Found:
    memory, cpu = loaded.spec.resources.memory_mb, settings.cpu
    if is_premium(settings):
        size = PREMIUM_SIZES[settings.premium_size]
        if memory is not None and memory > size.memory_mb:
            fitting = [name for name, each in PREMIUM_SIZES.items() if each.memory_mb >= memory]
            fix = f"write premium_size: {fitting[0]}" if fitting else "lower it"
            yield "resources.memory_mb", f"{memory} MB do not fit {settings.premium_size}, which has {size.memory_mb} MB", fix
        if cpu is not None:
            yield (
                "clouds.azure.cpu",
                "is decided by premium_size on an Elastic Premium plan",
                "delete it, or choose premium_size",
            )
        return
    if memory is not None and memory % MEMORY_STEP_MB and memory <= PAIRS[-1][1]:
        near = min(max(MEMORY_STEP_MB, -(-memory // MEMORY_STEP_MB) * MEMORY_STEP_MB), PAIRS[-1][1])
        yield (
            "resources.memory_mb",
            f"{memory} MB: Container Apps gives memory in steps of {MEMORY_STEP_MB} MB ({CONTAINERS}, {READ_ON})",
            f"write {near}",
        )
    elif memory is not None and cpu is not None and (cpu, memory) not in PAIRS:
        yield (
            "clouds.azure.cpu",
            f"{cpu:g} vCPU do not go with {memory} MB: Container Apps pairs each vCPU with 2 GiB ({CONTAINERS}, {READ_ON})",
            f"delete it, or write {memory / MB_PER_VCPU:g}",
        )


def _instances(loaded: LoadedSpec, settings: AzureSettings) -> Found:
    resources, size = loaded.spec.resources, size_of(loaded)
    if size.min_instances.value > size.max_instances.value:
        key = "resources.min_instances" if resources.min_instances is not None else "resources.max_instances"
        yield (
            key,
            f"{size.max_instances.value} at most is less than the {size.min_instances.value} that are always there"
            f" ({size.min_instances.origin})",
            "raise max_instances",
        )
    if resources.min_instances == 0 and is_premium(settings):
        yield (
            "resources.min_instances",
            "an Elastic Premium plan always keeps one instance",
            "write 1, or plan: container_apps, which scales to zero",
        )
    if resources.min_instances == 0 and settings.schedule is not None and not is_premium(settings):
        yield (
            "resources.min_instances",
            "clouds.azure.schedule needs an instance that runs: the timer is inside it",
            "write 1, or leave the schedule out",
        )


def _premium(loaded: LoadedSpec, settings: AzureSettings) -> Found:
    most = loaded.spec.resources.max_instances or 0
    if is_premium(settings):
        if most > MAX_PREMIUM_INSTANCES:
            yield (
                "resources.max_instances",
                f"{most} is above an Elastic Premium plan's {MAX_PREMIUM_INSTANCES} instances",
                "lower it, or write plan: container_apps",
            )
        if settings.zone_redundant and (loaded.spec.resources.min_instances or MIN_ZONES) < MIN_ZONES:
            yield "resources.min_instances", f"a zone-redundant plan has {MIN_ZONES} instances at least", f"write {MIN_ZONES}"
        return
    for key in ("premium_size", "zone_redundant"):
        if loaded.origin(f"clouds.azure.{key}") and getattr(settings, key) is not False:
            yield f"clouds.azure.{key}", "belongs to plan: premium", "delete it, or write plan: premium"


def _disk(loaded: LoadedSpec, settings: AzureSettings) -> Found:
    wanted, cpu = loaded.spec.resources.ephemeral_mb, size_of(loaded).cpu.value
    if wanted is not None and not is_premium(settings) and wanted > ephemeral_mb(cpu):
        yield (
            "resources.ephemeral_mb",
            f"{wanted} MB are more than the {ephemeral_mb(cpu)} MB that come with {cpu:g} vCPU ({CONTAINERS}, {READ_ON})",
            "lower it, or raise memory_mb: disk grows with it up to 8192 MB",
        )


def _port(loaded: LoadedSpec, settings: AzureSettings) -> Found:
    if settings.port < FIRST_FREE_PORT and not settings.run_as_root:
        yield (
            "clouds.azure.port",
            f"only root may listen on {settings.port}",
            f"write a port from {FIRST_FREE_PORT} on, or run_as_root: true",
        )


def _access(loaded: LoadedSpec, settings: AzureSettings) -> Found:
    if loaded.spec.access == "private" and settings.private == "entra":
        for key in ("client_id", "tenant"):
            if getattr(settings, key) is None:
                yield (
                    "clouds.azure.private",
                    f"Entra sign-in needs clouds.azure.{key}",
                    "give an app registration's id (`az ad app create`) and the tenant's, or write private: internal",
                )
    if loaded.spec.access == "private" and settings.private == "internal" and not (is_premium(settings) or settings.subnet):
        yield (
            "clouds.azure.private",
            "an environment without a network of yours is reachable by nobody",
            "give clouds.azure.subnet, or write private: key, or private: entra",
        )
    if is_premium(settings) and settings.subnet is not None:
        yield "clouds.azure.subnet", "belongs to plan: container_apps", "delete it; a private endpoint reaches the function app"
    if is_premium(settings) and "MLDEPLOY_API_KEY" in loaded.spec.secrets:
        yield (
            "secrets.MLDEPLOY_API_KEY",
            "an Elastic Premium plan has keys of its own",
            "delete it; `mldeploy invoke` reads the function key",
        )


def _secrets(loaded: LoadedSpec, settings: AzureSettings) -> Found:
    for name, reference in loaded.spec.secrets.items():
        if name.strip("_") != name:
            yield (
                f"secrets.{name}",
                f"{name}: a secret of a container app begins and ends with a letter or digit",
                "choose a name without _ at its ends",
            )
        if reference is not None and not is_known(reference):
            yield (
                f"secrets.{name}",
                f"{name} has a reference that Azure cannot resolve",
                "write env:NAME, file:PATH, or the address of a Key Vault secret: https://VAULT.vault.azure.net/secrets/NAME",
            )


def _environment(loaded: LoadedSpec, settings: AzureSettings) -> Found:
    for name in (*loaded.spec.env, *loaded.spec.secrets):
        if name.startswith(PLATFORM_PREFIXES) or name == "AZURE_CLIENT_ID":
            key = "env" if name in loaded.spec.env else "secrets"
            yield f"{key}.{name}", f"{name} belongs to the Functions platform", "choose another name"


def _schedule(loaded: LoadedSpec, settings: AzureSettings) -> Found:
    if settings.schedule is None:
        return
    if settings.schedule.timezone != "UTC":
        yield (
            "clouds.azure.schedule.timezone",
            "the timer of a Functions container runs in UTC",
            "leave it out, and write the hours in UTC",
        )
    fault = timer.fault(settings.schedule.cron)
    if fault:
        yield "clouds.azure.schedule.cron", *fault


def _tags(loaded: LoadedSpec, settings: AzureSettings) -> Found:
    if len(loaded.spec.tags) > MAX_TAGS - OWN_TAGS:
        yield "tags", f"{len(loaded.spec.tags)} tags: Azure takes {MAX_TAGS}, of which {OWN_TAGS} are mldeploy's", "delete some"
    for name, value in loaded.spec.tags.items():
        if name in RESERVED_TAGS:
            yield f"tags.{name}", f"{name} is one of mldeploy's own tags", "choose another name"
        elif re.search(r"[<>%&\\?/]", name) or len(name) > 512:
            yield f"tags.{name}", "Azure's tag names have at most 512 characters and none of <>%&\\?/", "choose another name"
        if len(value) > 256:
            yield f"tags.{name}", "Azure's tag values have at most 256 characters", "shorten it"
