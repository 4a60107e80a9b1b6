"""The program document: everything that the two Pulumi programs read, as plain JSON. Pure.

It names secrets (`secrets`: variable -> a vault secret's address, "" for the deployment's own vault) and never has one. What
only exists once something is deployed (ids, hosts) is not in it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mldeploy.bundle.contract import Bundle
from mldeploy.plan import Setting
from mldeploy.providers.azure.limits import MIB
from mldeploy.providers.azure.names import names
from mldeploy.providers.azure.references import GENERATED_KEY, KEY_NAME, is_address
from mldeploy.providers.azure.settings import AzureSettings
from mldeploy.providers.azure.sizing import DEFAULT, Size, is_premium, settings_of, size_of
from mldeploy.providers.azure.timer import ncrontab
from mldeploy.spec.loaded import LoadedSpec

SUBSCRIPTION_VARIABLES = ("AZURE_SUBSCRIPTION_ID", "ARM_SUBSCRIPTION_ID")
FINGERPRINT_CHARS = 12


def subscription(loaded: LoadedSpec | None) -> Setting:
    """The subscription, from the spec or else from the environment that Azure's own tools read; "" when neither says.

    It is part of the names that must be unique in the world: the same deployment has to find it every time.
    """
    settings = settings_of(loaded) if loaded is not None else AzureSettings()
    key = "clouds.azure.subscription"
    if loaded is not None and settings.subscription is not None:
        return Setting(key, settings.subscription, loaded.origin(key) or DEFAULT)
    for variable in SUBSCRIPTION_VARIABLES:
        if os.environ.get(variable):
            return Setting(key, os.environ[variable], f"environment variable {variable}")
    return Setting(key, "", "not said: clouds.azure.subscription or AZURE_SUBSCRIPTION_ID")


def has_key_of_ours(access: str, settings: AzureSettings) -> bool:
    """Whether the runtime checks the key itself: a function app has keys of its own, a container app has none."""
    is_keyed = access == "key" or (access == "private" and settings.private == "key")
    return is_keyed and not is_premium(settings)


def secret_references(loaded: LoadedSpec) -> dict[str, str]:
    """Names to references; a bare name is the variable of that name."""
    given = {name: reference or f"env:{name}" for name, reference in loaded.spec.secrets.items()}
    is_ours = has_key_of_ours(loaded.spec.access, settings_of(loaded))
    return {KEY_NAME: GENERATED_KEY, **given} if is_ours else given


def tags(loaded: LoadedSpec, bundle: Bundle) -> dict[str, str]:
    """What is written on everything that takes tags."""
    own = {
        "tool": "mldeploy",
        "model": loaded.spec.name,
        "stage": loaded.stage,
        "fingerprint": bundle.fingerprint[:FINGERPRINT_CHARS],
    }
    return {**loaded.spec.tags, **own}


def runtime_environment(loaded: LoadedSpec, size: Size) -> dict[str, str]:
    """The runtime's variables (handlers/config.py) over the user's own. An unset concurrency is the runtime's to choose."""
    spec, settings = loaded.spec, settings_of(loaded)
    serving = {
        "MLDEPLOY_STAGE": loaded.stage,
        "MLDEPLOY_ACCESS": "key"
        if has_key_of_ours(spec.access, settings)
        else "public"
        if spec.access == "public"
        else "private",
        "MLDEPLOY_TIMEOUT_S": f"{size.timeout_s.value:g}",
        "MLDEPLOY_MAX_BODY_BYTES": str(int(settings.max_body_mb * MIB)),
    }
    if spec.resources.concurrency is not None:
        serving["MLDEPLOY_CONCURRENCY"] = str(spec.resources.concurrency)
    return {**spec.env, **serving}


def document(loaded: LoadedSpec, bundle: Bundle) -> dict[str, Any]:
    """The document of both programs; the driver adds "image", "release" and "live"."""
    spec, settings, size = loaded.spec, settings_of(loaded), size_of(loaded)
    account = str(subscription(loaded).value)
    references = secret_references(loaded)
    return {
        "provider": "azure",
        "model": spec.name,
        "stage": loaded.stage,
        "subscription": account,
        "tenant": settings.tenant or "",
        "location": settings.region,
        "tags": tags(loaded, bundle),
        "names": names(spec.name, loaded.stage, account),
        "plan": settings.plan,
        "access": spec.access,
        "private": settings.private,
        "subnet": settings.subnet or "",
        "client_id": settings.client_id or "",
        "cpu": size.cpu.value,
        "memory_mb": size.memory_mb.value,
        "min_instances": size.min_instances.value,
        "max_instances": size.max_instances.value,
        "requests": size.requests.value,
        "port": settings.port,
        "start_timeout_s": settings.start_timeout_s,
        "premium_size": settings.premium_size,
        "zone_redundant": settings.zone_redundant,
        "shared_keys": settings.shared_keys,
        "log_retention_days": settings.log_retention_days,
        "keep_images": settings.keep_images,
        "environment": runtime_environment(loaded, size),
        "secrets": {name: text if is_address(text) else "" for name, text in references.items()},
        "alarms": settings.alarms.model_dump() if settings.alarms is not None else None,
        "budget": settings.budget.model_dump() if settings.budget is not None else None,
        "trigger": _trigger(settings, account),
        "schedule": ncrontab(settings.schedule.cron) if settings.schedule is not None else "",
        "schedule_inputs": settings.schedule.inputs if settings.schedule is not None else None,
    }


def _trigger(settings: AzureSettings, account: str) -> Mapping[str, str] | None:
    trigger = settings.trigger
    if trigger is None:
        return None
    group = f"/subscriptions/{account}/resourceGroups/{trigger.resource_group}"
    return {
        "account_id": f"{group}/providers/Microsoft.Storage/storageAccounts/{trigger.account}",
        "account": trigger.account,
        "region": trigger.region or settings.region,
        "container": trigger.bucket,
        "prefix": trigger.prefix,
        "suffix": trigger.suffix,
        "results_container": trigger.results_bucket or trigger.bucket,
        "results_prefix": trigger.results_prefix,
    }
