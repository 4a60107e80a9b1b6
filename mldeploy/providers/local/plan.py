"""What a local deployment will be: one supervised process behind a port of 127.0.0.1. Pure: spec and bundle in, Plan out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import Problem
from mldeploy.plan import Limit, Limits, Plan, PlannedResource, Setting
from mldeploy.providers.local.references import GENERATED_KEY, KEY_NAME, SCHEMES, absolute, is_known
from mldeploy.providers.local.settings import LocalSettings
from mldeploy.spec.loaded import LoadedSpec

NAME = "local"
VISIBILITY = "private: this machine only"
DEFAULT = "provider default"
DEFAULT_TIMEOUT_S = 30.0
MIB = 1024 * 1024
READ_ON = "2026-11-21"

LIMITS = Limits(
    title="this machine",
    by_key={
        "resources.memory_mb": Limit(low=64, source="measured: Python and ONNX Runtime without a model", date=READ_ON),
        "resources.timeout_s": Limit(low=0.001, high=3600, source="one hour, as Cloud Run", date=READ_ON),
        "resources.concurrency": Limit(low=1, high=1000, source="one process serves them, as Cloud Run", date=READ_ON),
    },
    max_body_bytes=6 * MIB,
)

# Set in a spec for the clouds' sake; one process on this machine has no such thing.
NOT_ENFORCED = ("resources.min_instances", "resources.max_instances", "resources.architecture", "resources.ephemeral_mb")


def settings_of(loaded: LoadedSpec) -> LocalSettings:
    """The `clouds.local` block, with its defaults."""
    return LocalSettings.model_validate(loaded.spec.clouds.get(NAME, {}))


def problems(loaded: LoadedSpec) -> Iterator[Problem]:
    """Secrets that this provider cannot resolve."""
    for name, reference in loaded.spec.secrets.items():
        if reference is not None and not is_known(reference):
            schemes = " or ".join(f"{scheme}…" for scheme in SCHEMES)
            yield loaded.problem(
                f"secrets.{name}",
                f"{name} has a reference that this machine cannot resolve",
                f"write {schemes}, for one stage if the clouds need another",
            )


def plan(loaded: LoadedSpec, bundle: Bundle) -> Plan:
    """The plan of this provider."""
    spec = loaded.spec
    settings = tuple(_settings(loaded))
    return Plan(
        provider=NAME,
        name=spec.name,
        stage=loaded.stage,
        fingerprint=bundle.fingerprint,
        access=spec.access,
        settings=settings,
        resources=_resources(spec.name, loaded.stage, bundle, {entry.key: entry.value for entry in settings}),
        environment=_environment(loaded),
        secrets=_secrets(loaded),
        tags=dict(spec.tags),
        fixed_monthly_usd="0.00",
    )


def _settings(loaded: LoadedSpec) -> Iterator[Setting]:
    """Every decided value with where it came from. A None is shown as what it means."""
    spec, local = loaded.spec, settings_of(loaded)
    decided: dict[str, Any] = {
        "resources.memory_mb": spec.resources.memory_mb,
        "resources.timeout_s": spec.resources.timeout_s or DEFAULT_TIMEOUT_S,
        "resources.concurrency": spec.resources.concurrency,
        "access": spec.access,
        "clouds.local.port": local.port,
        "clouds.local.max_body_mb": local.max_body_mb,
        "clouds.local.start_timeout_s": local.start_timeout_s,
        "clouds.local.crash_loop_after": local.crash_loop_after,
    }
    for key, value in decided.items():
        yield Setting(key, value, loaded.origin(key) or DEFAULT)
    for key in NOT_ENFORCED:
        value = getattr(spec.resources, key.partition(".")[2])
        if value is not None:
            yield Setting(key, value, f"{loaded.origin(key) or DEFAULT}; not enforced locally")


def _environment(loaded: LoadedSpec) -> dict[str, str]:
    """The runtime's variables (handlers/config.py), over the user's own. An unset concurrency is the runtime's to choose."""
    spec = loaded.spec
    serving = {
        "MLDEPLOY_STAGE": loaded.stage,
        "MLDEPLOY_ACCESS": spec.access,
        "MLDEPLOY_TIMEOUT_S": f"{spec.resources.timeout_s or DEFAULT_TIMEOUT_S:g}",
        "MLDEPLOY_MAX_BODY_BYTES": str(int(settings_of(loaded).max_body_mb * MIB)),
    }
    if spec.resources.concurrency is not None:
        serving["MLDEPLOY_CONCURRENCY"] = str(spec.resources.concurrency)
    return {**spec.env, **serving}


def _secrets(loaded: LoadedSpec) -> dict[str, str]:
    """Names to references; a bare name is the variable of that name. `access: key` adds a generated key unless one is given."""
    references = {name: absolute(reference or f"env:{name}", loaded.root) for name, reference in loaded.spec.secrets.items()}
    return {KEY_NAME: GENERATED_KEY, **references} if loaded.spec.access == "key" else references


def _resources(name: str, stage: str, bundle: Bundle, settings: dict[str, Any]) -> tuple[PlannedResource, ...]:
    memory_mb, concurrency = settings["resources.memory_mb"], settings["resources.concurrency"]
    port, body_mb = settings["clouds.local.port"], settings["clouds.local.max_body_mb"]
    process = " · ".join(
        [
            f"bundle {bundle.short} ({bundle.format})",
            f"{memory_mb} MiB" if memory_mb else "memory not limited",
            f"{settings['resources.timeout_s']:g} s",
            f"concurrency {concurrency or 'of the cores at hand'}",
            "one process, restarted when it crashes",
        ]
    )
    address = f"127.0.0.1:{port}" if port else "127.0.0.1, the first free port from 8080 on"
    access = "callers need the key" if settings["access"] == "key" else "no key needed"
    ignored = [key.partition(".")[2] for key in NOT_ENFORCED if key in settings]
    rows = [
        PlannedResource("process", f"{name} ({stage})", process, {"memory_mb": memory_mb, "instances": 1}),
        PlannedResource("port", address, f"{VISIBILITY} · {access} · bodies up to {body_mb:g} MiB"),
        PlannedResource("state", f"local/{name}.{stage}", "in the state folder · log of at most 3 files of 10 MB"),
    ]
    if ignored:
        rows.append(PlannedResource("note", "not enforced locally", ", ".join(ignored)))
    return tuple(rows)
