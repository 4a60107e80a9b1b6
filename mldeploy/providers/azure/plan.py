"""What an Azure deployment will be. Pure: spec and bundle in, Plan out; the one thing taken from the environment is which
subscription is meant, where the spec does not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mldeploy.bundle.contract import Bundle
from mldeploy.plan import Plan, Setting
from mldeploy.providers.azure.document import document, runtime_environment, secret_references, subscription
from mldeploy.providers.azure.recipe import recipe
from mldeploy.providers.azure.resources import resources
from mldeploy.providers.azure.sizing import DEFAULT, NAME, is_premium, settings_of, size_of
from mldeploy.spec.loaded import LoadedSpec

_SHOWN = (
    "region", "plan", "base_image", "port", "run_as_root", "max_body_mb", "start_timeout_s", "shared_keys",
    "log_retention_days", "keep_images",
)  # fmt: skip


def plan(loaded: LoadedSpec, bundle: Bundle) -> Plan:
    """The plan of this provider."""
    spec, program = loaded.spec, document(loaded, bundle)
    return Plan(
        provider=NAME,
        name=spec.name,
        stage=loaded.stage,
        fingerprint=bundle.fingerprint,
        access=spec.access,
        settings=tuple(_settings(loaded)),
        resources=tuple(resources(program)),
        environment=runtime_environment(loaded, size_of(loaded)),
        secrets=secret_references(loaded),
        tags=dict(spec.tags),
        image=recipe(loaded, _labels(program)),
        program=program,
    )


def _settings(loaded: LoadedSpec) -> Iterator[Setting]:
    """Every decided value with where it came from."""
    settings = settings_of(loaded)
    yield from size_of(loaded)
    if loaded.spec.resources.ephemeral_mb is not None:
        key = "resources.ephemeral_mb"
        yield Setting(key, loaded.spec.resources.ephemeral_mb, f"{loaded.origin(key) or DEFAULT}; comes with the vCPU")
    yield Setting("resources.architecture", "x86_64", loaded.origin("resources.architecture") or DEFAULT)
    yield Setting("access", loaded.spec.access, loaded.origin("access") or DEFAULT)
    yield subscription(loaded)
    features = [
        key for key in ("tenant", "client_id", "budget", "trigger", "schedule", "subnet") if getattr(settings, key) is not None
    ]
    asked = ["private"] if loaded.spec.access == "private" else []
    sized = ["premium_size", "zone_redundant"] if is_premium(settings) else []
    for key in (*_SHOWN, *asked, *sized, "alarms", *features):
        value = getattr(settings, key)
        shown = value.model_dump() if hasattr(value, "model_dump") else value
        yield Setting(f"clouds.azure.{key}", shown, loaded.origin(f"clouds.azure.{key}") or DEFAULT)


def _labels(program: Mapping[str, Any]) -> dict[str, str]:
    """The image's labels: which model it is. No stage and no fingerprint, which the tag has and would change every layer."""
    return {"tool": "mldeploy", "model": program["model"]}
