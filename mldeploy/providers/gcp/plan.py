"""What a deployment on Google Cloud will be. Pure: spec and bundle in, Plan out; the program's document is made here, too.

LoadedSpec ─┬─ names ── sizing ─┬─▶ Plan{settings, resources, environment, secrets}      what people read
            └─ settings ────────┴─▶ Plan.image (recipe), Plan.program (document)          what image and programs read
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mldeploy.bundle.contract import Bundle
from mldeploy.plan import Plan, Setting
from mldeploy.providers.gcp import references
from mldeploy.providers.gcp.document import document
from mldeploy.providers.gcp.limits import MIB, NAME
from mldeploy.providers.gcp.preview import resources
from mldeploy.providers.gcp.recipe import recipe
from mldeploy.providers.gcp.rules import settings_of
from mldeploy.providers.gcp.settings import GcpSettings, Trigger
from mldeploy.providers.gcp.sizing import Sizing, sizing
from mldeploy.spec.loaded import LoadedSpec

DEFAULT = "provider default"


def plan(loaded: LoadedSpec, bundle: Bundle) -> Plan:
    """The plan of this provider. Raises SpecError when the user's own requirements file cannot be read."""
    spec, settings = loaded.spec, settings_of(loaded)
    size = sizing(spec.resources, settings)
    environment, secrets = _environment(loaded, settings, size), _secrets(loaded)
    program = document(loaded, settings, size, bundle.fingerprint, environment, secrets)
    return Plan(
        provider=NAME,
        name=spec.name,
        stage=loaded.stage,
        fingerprint=bundle.fingerprint,
        access=spec.access,
        settings=tuple(_settings(loaded, settings, size)),
        resources=tuple(resources(program)),
        environment=environment,
        secrets=secrets,
        tags=dict(spec.tags),
        fixed_monthly_usd=None,
        image=recipe(loaded, settings) if settings.build == "image" else None,
        program=program,
    )


def _settings(loaded: LoadedSpec, settings: GcpSettings, size: Sizing) -> Iterator[Setting]:
    """Every decided value with where it came from."""
    decided: dict[str, Any] = {
        "resources.memory_mb": size.memory_mb,
        "resources.timeout_s": size.timeout_s,
        "resources.concurrency": size.concurrency,
        "resources.min_instances": size.min_instances,
        "resources.max_instances": size.max_instances,
        "resources.architecture": "x86_64",
        "resources.ephemeral_mb": loaded.spec.resources.ephemeral_mb,
        "access": loaded.spec.access,
        "clouds.gcp.project": settings.project,
        "clouds.gcp.region": settings.region,
        "clouds.gcp.build": settings.build,
        "clouds.gcp.base": settings.base if settings.build == "image" else None,
        "clouds.gcp.cpu": size.cpu,
        "clouds.gcp.cpu_always_on": settings.cpu_always_on,
        "clouds.gcp.cpu_boost": settings.cpu_boost,
        "clouds.gcp.execution_environment": size.environment,
        "clouds.gcp.ingress": settings.ingress,
        "clouds.gcp.invokers": ", ".join(settings.invokers) or None,
        "clouds.gcp.max_body_mb": settings.max_body_mb,
        "clouds.gcp.start_timeout_s": settings.start_timeout_s,
        "clouds.gcp.keep_images": settings.keep_images,
        "clouds.gcp.log_severity": settings.log_severity,
    }
    for key, value in decided.items():
        yield Setting(key, value, loaded.origin(key) or DEFAULT)
    for key in ("alarms", "budget", "trigger", "schedule"):
        section = getattr(settings, key)
        if section is not None:
            yield Setting(f"clouds.gcp.{key}", section.model_dump(), loaded.origin(f"clouds.gcp.{key}") or DEFAULT)


def _environment(loaded: LoadedSpec, settings: GcpSettings, size: Sizing) -> dict[str, str]:
    """The runtime's variables (handlers/config.py), over the user's own. An unset concurrency is the runtime's to choose."""
    spec, trigger = loaded.spec, settings.trigger
    serving = {
        "MLDEPLOY_STAGE": loaded.stage,
        "MLDEPLOY_ACCESS": spec.access,
        "MLDEPLOY_TIMEOUT_S": f"{size.timeout_s:g}",
        "MLDEPLOY_MAX_BODY_BYTES": str(int(settings.max_body_mb * MIB)),
    }
    if spec.resources.concurrency is not None:
        serving["MLDEPLOY_CONCURRENCY"] = str(spec.resources.concurrency)
    if spec.image.engine != "auto":
        serving["MLDEPLOY_ENGINE"] = spec.image.engine
    if settings.project:
        serving["GOOGLE_CLOUD_PROJECT"] = settings.project  # a trace's full name begins with it
    if trigger is not None:
        serving |= _trigger_environment(trigger)
    return {**spec.env, **serving}


def _trigger_environment(trigger: Trigger) -> dict[str, str]:
    """What the entry point's event route is told (entry/events.py); an empty filter is none."""
    told = {
        "MLDEPLOY_TRIGGER_BUCKET": trigger.bucket,
        "MLDEPLOY_TRIGGER_PREFIX": trigger.prefix,
        "MLDEPLOY_TRIGGER_SUFFIX": trigger.suffix,
        "MLDEPLOY_RESULTS_BUCKET": trigger.results_bucket or trigger.bucket,
        "MLDEPLOY_RESULTS_PREFIX": trigger.results_prefix,
    }
    return {name: value for name, value in told.items() if value}


def _secrets(loaded: LoadedSpec) -> dict[str, str]:
    """Names to references; a bare name is the variable of that name. `access: key` adds a generated key unless one is given."""
    spec = loaded.spec
    given = {name: references.absolute(reference or f"env:{name}", loaded.root) for name, reference in spec.secrets.items()}
    return {references.KEY_NAME: references.GENERATED_KEY, **given} if spec.access == "key" else given
