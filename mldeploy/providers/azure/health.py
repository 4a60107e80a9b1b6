"""How Azure says the service is, in a word and a line: of the revision that serves, or of the function app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mldeploy.providers.azure.client import AzureClient
from mldeploy.stacks.cloud import Health

APPS_API = "2025-01-01"
SITES_API = "2023-12-01"
_RUNNING = {"Running": "serving", "RunningAtMaxScale": "serving", "ScaledToZero": "serving", "Processing": "starting"}
_STOPPED = ("Stopped", "Deprovisioned")


def health(client: AzureClient, document: Mapping[str, Any], outputs: Mapping[str, Any]) -> Health:
    """Raises ProviderError when Azure cannot be asked."""
    base = f"/subscriptions/{document['subscription']}/resourceGroups/{document['names']['group']}/providers"
    if document["plan"] == "premium":
        return _site(client.get(f"{base}/Microsoft.Web/sites/{outputs['app']}", SITES_API))
    app = f"{base}/Microsoft.App/containerApps/{outputs['app']}"
    if client.get(app, APPS_API) is None:
        return Health("absent", "the container app is not there any more; `mldeploy refresh` takes note")
    return _revision(client.get(f"{app}/revisions/{outputs['app']}--r{outputs['release']}", APPS_API))


def _revision(found: Mapping[str, Any] | None) -> Health:
    if found is None:
        return Health("failing", "the revision that should serve is not there any more")
    facts = found.get("properties") or {}
    running, replicas = str(facts.get("runningState", "")), facts.get("replicas") or 0
    if (
        facts.get("provisioningState") == "Failed"
        or running in ("Failed", "Degraded")
        or facts.get("healthState") == "Unhealthy"
    ):
        why = facts.get("runningStateDetails") or facts.get("provisioningError") or running
        return Health("failing", str(why))
    if not facts.get("active", True) or running in _STOPPED:
        return Health("stopped", "the revision is not active")
    count = "scaled to zero" if not replicas else "1 replica" if replicas == 1 else f"{replicas} replicas"
    return Health(_RUNNING.get(running, "serving" if facts.get("healthState") == "Healthy" else "starting"), count)


def _site(found: Mapping[str, Any] | None) -> Health:
    if found is None:
        return Health("absent", "the function app is not there any more; `mldeploy refresh` takes note")
    facts = found.get("properties") or {}
    if facts.get("state") != "Running":
        return Health("stopped", f"the function app is {facts.get('state', 'in no known state')}")
    is_fine = facts.get("availabilityState", "Normal") == "Normal"
    return Health("serving" if is_fine else "failing", "" if is_fine else f"availability {facts['availabilityState']}")
