"""What a deployment on AWS will be. Pure: spec and bundle in, Plan out.

LoadedSpec ─┬─ sizing ───────┬─▶ Plan{settings, resources, environment, secrets}      what people read
            └─ references ───┴─▶ Plan.image (recipe), Plan.program (document)          what image and programs read
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mldeploy.bundle.contract import Bundle
from mldeploy.plan import Plan, Setting
from mldeploy.providers.aws import references
from mldeploy.providers.aws.document import document, environment_of
from mldeploy.providers.aws.names import names_of
from mldeploy.providers.aws.preview import resources
from mldeploy.providers.aws.recipe import recipe
from mldeploy.providers.aws.settings import AwsSettings
from mldeploy.providers.aws.sizing import NAME, Sizing, settings_of, sizing
from mldeploy.spec.loaded import LoadedSpec

DEFAULT = "provider default"


def plan(loaded: LoadedSpec, bundle: Bundle) -> Plan:
    """The plan of this provider. Raises SpecError when the user's own requirements file cannot be read."""
    spec, settings = loaded.spec, settings_of(loaded)
    size, secrets = sizing(loaded, settings), references.references(loaded)
    secret = names_of(spec.name, loaded.stage, settings.region)["secret"]
    environment = environment_of(loaded, settings, size, secret, secrets)
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
        image=recipe(loaded, settings, size.architecture),
        program=program,
    )


def _settings(loaded: LoadedSpec, settings: AwsSettings, size: Sizing) -> Iterator[Setting]:
    """Every decided value with where it came from."""
    resources = {
        "resources.memory_mb": size.memory_mb,
        "resources.timeout_s": size.timeout_s,
        "resources.concurrency": 1,
        "resources.min_instances": size.min_instances,
        "resources.max_instances": loaded.spec.resources.max_instances,
        "resources.architecture": size.architecture,
        "resources.ephemeral_mb": size.ephemeral_mb,
        "access": loaded.spec.access,
    }
    for key, value in resources.items():
        yield Setting(key, value, loaded.origin(key) or DEFAULT)
    own: dict[str, Any] = settings.model_dump(mode="json")
    for name, value in own.items():
        key = f"clouds.aws.{name}"
        if name == "provisioned_concurrency" and value is None:
            yield Setting(key, size.provisioned, _from(loaded, "resources.min_instances"))
        elif name == "reserved_concurrency" and value is None:
            yield Setting(key, size.reserved, _from(loaded, "resources.max_instances"))
        else:
            yield Setting(key, value, loaded.origin(key) or DEFAULT)


def _from(loaded: LoadedSpec, key: str) -> str:
    """The origin of a value that follows another key."""
    origin = loaded.origin(key)
    return f"{key} ({origin})" if origin else DEFAULT
