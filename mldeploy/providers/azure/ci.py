"""How a workflow signs in to Azure: the job's token for that of a federated application. Pure data.

The `az` sign-in serves our own calls; the engine's plugin trades a token of its own (ARM_USE_OIDC), which outlives the first.
Source of the inputs: action.yml of azure/login v3.0.0 (2026-03).
"""

from __future__ import annotations

from mldeploy.ci.contract import Action, Login, variable
from mldeploy.providers.azure.sizing import settings_of
from mldeploy.spec.loaded import LoadedSpec

ACTION = Action("azure/login", "532459ea530d8321f2fb9bb10d1e0bcf23869a43", "v3.0.0")
CLIENT, TENANT, SUBSCRIPTION = "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"


def login(loaded: LoadedSpec) -> Login:
    """A subscription that the spec names needs no variable."""
    settings = settings_of(loaded)
    subscription = settings.subscription or variable(SUBSCRIPTION)
    variables = {CLIENT: "client id of the application with the federated credential", TENANT: "id of its Entra tenant"}
    if settings.subscription is None:
        variables[SUBSCRIPTION] = "id of the subscription to deploy to"
    inputs = {"client-id": variable(CLIENT), "tenant-id": variable(TENANT), "subscription-id": subscription}
    environment = {
        "ARM_USE_OIDC": "true",
        "ARM_CLIENT_ID": variable(CLIENT),
        "ARM_TENANT_ID": variable(TENANT),
        "ARM_SUBSCRIPTION_ID": subscription,
    }
    return Login(ACTION, inputs, variables, environment)
