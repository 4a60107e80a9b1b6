"""Pulumi's inputs turned back into the REST body that Azure gets, and checked against Azure's own published models.

    ("azure-native:app:ContainerApp", inputs) ─rest_form─▶ Rest("appcontainers", "ContainerApp", body) ─problems─▶ …

The models are those of the packages azure-mgmt-*. azure-native flattens `properties`, gives lists for maps of identities, and
renames a few; what is part of the URL is an input, too. A property that is not known here is kept: the models report it.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

if str(Path(__file__).parent) not in sys.path:  # this file is also loaded by its path, from other tests
    sys.path.append(str(Path(__file__).parent))
import azure_model_check as model_check

Inputs = Mapping[str, Any]
Body = dict[str, Any]
PREFIX = "azure-native:"
SECRET_MARK = "4dabf18193072939515e22adb298388d"
TOP = ("location", "tags", "identity")


class Rest(NamedTuple):
    """One request body: the package azure-mgmt-*, the model in it, the body."""

    package: str
    model: str
    body: Body


class Form(NamedTuple):
    """How one type is restored. `path` are the inputs that are in the URL, `top` those beside `properties`."""

    package: str
    model: str
    path: tuple[str, ...]
    top: tuple[str, ...] = TOP
    restore: Callable[[Body], Body] = lambda body: body


def rest_form(token: str, inputs: Inputs) -> Rest:
    """The body of the request that creates it. Raises KeyError for a type that is not listed here."""
    form = FORMS[token.removeprefix(PREFIX)]
    kept = {
        name: value for name, value in inputs.items() if name not in (*form.path, "resourceGroupName") and value is not None
    }
    kept = _revealed(json.loads(json.dumps(kept)))
    identity = kept.get("identity")
    if identity and isinstance(identity.get("userAssignedIdentities"), list):
        identity["userAssignedIdentities"] = {name: {} for name in identity["userAssignedIdentities"]}
    body = {name: kept.pop(name) for name in form.top if name in kept}
    if kept:
        body["properties"] = kept.pop("properties") if set(kept) == {"properties"} else kept
    return Rest(form.package, form.model, form.restore(body))


def _revealed(value: Any) -> Any:
    """The value without the engine's marks of secrets."""
    if isinstance(value, dict):
        return _revealed(value["value"]) if SECRET_MARK in value else {name: _revealed(item) for name, item in value.items()}
    return [_revealed(item) for item in value] if isinstance(value, list) else value


def problems(token: str, inputs: Inputs) -> list[str]:
    """Everything in which the body is not as Azure publishes it; [] where the type's package is not installed."""
    rest = rest_form(token, inputs)
    models = published(rest.package)
    if models is None or not rest.model:
        return []
    return list(model_check.problems(models, getattr(models, rest.model), rest.body, rest.model))


def published(package: str) -> Any:
    """The models of azure-mgmt-<package>, None where it is not installed."""
    try:
        return importlib.import_module(f"azure.mgmt.{package}.models")
    except ModuleNotFoundError:
        return None


def _renamed(**names: str) -> Callable[[Body], Body]:
    """Properties that the SDK calls otherwise than the API."""

    def restore(body: Body) -> Body:
        found = body.get("properties", {})
        body["properties"] = {names.get(name, name): value for name, value in found.items()}
        return body

    return restore


def _criteria(body: Body) -> Body:
    criteria = body["properties"]["criteria"]
    criteria["odata.type"] = criteria.pop("odataType")
    return body


def _destination(body: Body) -> Body:
    """What a destination has besides its type is one level deeper."""
    delivery = body["properties"]["deliveryWithResourceIdentity"]
    flat = delivery["destination"]
    delivery["destination"] = {"endpointType": flat.pop("endpointType"), "properties": flat}
    return body


FORMS: dict[str, Form] = {
    "app:ContainerApp": Form("appcontainers", "ContainerApp", ("containerAppName",), (*TOP, "kind", "managedBy")),
    "app:ContainerAppsAuthConfig": Form("appcontainers", "AuthConfig", ("containerAppName", "authConfigName"), ()),
    "app:ManagedEnvironment": Form("appcontainers", "ManagedEnvironment", ("environmentName",), (*TOP, "kind")),
    "applicationinsights:Component": Form(
        "applicationinsights",
        "ApplicationInsightsComponent",
        ("resourceName",),
        (*TOP, "kind"),
        _renamed(
            applicationType="Application_Type",
            workspaceResourceId="WorkspaceResourceId",
            ingestionMode="IngestionMode",
            disableLocalAuth="DisableLocalAuth",
            flowType="Flow_Type",
            requestSource="Request_Source",
        ),
    ),
    "authorization:RoleAssignment": Form(
        "authorization", "RoleAssignmentCreateParameters", ("scope", "roleAssignmentName"), ()
    ),
    "consumption:Budget": Form("consumption", "Budget", ("scope", "budgetName"), ("eTag",)),
    "containerregistry:Registry": Form("containerregistry", "Registry", ("registryName",), (*TOP, "sku")),
    "containerregistry:Task": Form("containerregistrytasks", "Task", ("registryName", "taskName")),
    "eventgrid:SystemTopic": Form("eventgrid", "SystemTopic", ("systemTopicName",)),
    "eventgrid:SystemTopicEventSubscription": Form(
        "eventgrid", "EventSubscription", ("systemTopicName", "eventSubscriptionName"), (), _destination
    ),
    "keyvault:Vault": Form("keyvault", "VaultCreateOrUpdateParameters", ("vaultName",)),
    "managedidentity:UserAssignedIdentity": Form("msi", "Identity", ("resourceName",)),
    "monitor:ActionGroup": Form("monitor", "ActionGroupResource", ("actionGroupName",)),
    # azure-mgmt-monitor has no model of it (any more): restored, but not checked.
    "monitor:DiagnosticSetting": Form("monitor", "", ("resourceUri", "name"), ()),
    "monitor:MetricAlert": Form("monitor", "MetricAlertResource", ("ruleName",), TOP, _criteria),
    "monitor:ScheduledQueryRule": Form("monitor", "ScheduledQueryRuleResource", ("ruleName",), (*TOP, "kind")),
    "operationalinsights:Workspace": Form("loganalytics", "Workspace", ("workspaceName",)),
    "resources:ResourceGroup": Form("resource.resources", "ResourceGroup", (), (*TOP, "managedBy")),
    "storage:Queue": Form("storage", "StorageQueue", ("accountName", "queueName"), ()),
    "storage:StorageAccount": Form(
        "storage",
        "StorageAccountCreateParameters",
        ("accountName",),
        (*TOP, "sku", "kind", "extendedLocation"),
        _renamed(
            enableHttpsTrafficOnly="supportsHttpsTrafficOnly",
            enableNfsV3="isNfsV3Enabled",
        ),
    ),
    "web:AppServicePlan": Form("web", "AppServicePlan", ("name",), (*TOP, "sku", "kind", "extendedLocation")),
    "web:WebApp": Form("web", "Site", ("name",), (*TOP, "kind", "extendedLocation")),
    "web:WebAppAuthSettingsV2": Form("web", "SiteAuthSettingsV2", ("name",), ("kind",)),
}


def unchecked() -> Iterator[str]:
    """Types whose package is missing here, with what installs it, and those that no package has."""
    for token, form in FORMS.items():
        if not form.model:
            yield f"{token}: no published model"
        elif published(form.package) is None:
            yield f"{token}: pip install azure-mgmt-{form.package.partition('.')[0]} azure-common"
