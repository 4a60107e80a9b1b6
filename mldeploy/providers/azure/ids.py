"""The ARM id of a resource from its Pulumi type and inputs, for the adoption of what a killed update left behind. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Pulumi type -> (provider and resource kinds, the inputs that have a name for each kind)
_IN_GROUP: dict[str, tuple[str, tuple[str, ...]]] = {
    "app:ContainerApp": ("Microsoft.App/containerApps", ("containerAppName",)),
    "app:ContainerAppsAuthConfig": ("Microsoft.App/containerApps/authConfigs", ("containerAppName", "authConfigName")),
    "app:ManagedEnvironment": ("Microsoft.App/managedEnvironments", ("environmentName",)),
    "applicationinsights:Component": ("Microsoft.Insights/components", ("resourceName",)),
    "containerregistry:Registry": ("Microsoft.ContainerRegistry/registries", ("registryName",)),
    "containerregistry:Task": ("Microsoft.ContainerRegistry/registries/tasks", ("registryName", "taskName")),
    "eventgrid:SystemTopic": ("Microsoft.EventGrid/systemTopics", ("systemTopicName",)),
    "eventgrid:SystemTopicEventSubscription": (
        "Microsoft.EventGrid/systemTopics/eventSubscriptions",
        ("systemTopicName", "eventSubscriptionName"),
    ),
    "keyvault:Vault": ("Microsoft.KeyVault/vaults", ("vaultName",)),
    "managedidentity:UserAssignedIdentity": ("Microsoft.ManagedIdentity/userAssignedIdentities", ("resourceName",)),
    "monitor:ActionGroup": ("Microsoft.Insights/actionGroups", ("actionGroupName",)),
    "monitor:MetricAlert": ("Microsoft.Insights/metricAlerts", ("ruleName",)),
    "monitor:ScheduledQueryRule": ("Microsoft.Insights/scheduledQueryRules", ("ruleName",)),
    "operationalinsights:Workspace": ("Microsoft.OperationalInsights/workspaces", ("workspaceName",)),
    "storage:Queue": ("Microsoft.Storage/storageAccounts/queueServices/queues", ("accountName", "default", "queueName")),
    "storage:StorageAccount": ("Microsoft.Storage/storageAccounts", ("accountName",)),
    "web:AppServicePlan": ("Microsoft.Web/serverfarms", ("name",)),
    "web:WebApp": ("Microsoft.Web/sites", ("name",)),
    "web:WebAppAuthSettingsV2": ("Microsoft.Web/sites/config", ("name", "authsettingsV2")),
}
# Pulumi type -> (the input that has the scope, provider and kind, the input that has the name)
_ON_SCOPE = {
    "authorization:RoleAssignment": ("scope", "Microsoft.Authorization/roleAssignments", "roleAssignmentName"),
    "consumption:Budget": ("scope", "Microsoft.Consumption/budgets", "budgetName"),
    "monitor:DiagnosticSetting": ("resourceUri", "Microsoft.Insights/diagnosticSettings", "name"),
}
_FIXED = ("default", "authsettingsV2")


def types() -> dict[str, str]:
    """Pulumi type, without its package, -> the ARM type, for all but the resource group."""
    inside = {token: type_name for token, (type_name, _) in _IN_GROUP.items()}
    return inside | {token: type_name for token, (_, type_name, _) in _ON_SCOPE.items()}


def physical_id(kind: str, inputs: Mapping[str, Any], subscription: str) -> str | None:
    """None where the type is not ours or an input that the id needs is missing or not known yet."""
    token = kind.removeprefix("azure-native:")
    if token in _ON_SCOPE:
        scope_key, type_name, name_key = _ON_SCOPE[token]
        scope, name = _text(inputs, scope_key), _text(inputs, name_key)
        return f"/{scope.strip('/')}/providers/{type_name}/{name}" if scope and name else None
    group = _text(inputs, "resourceGroupName")
    if not subscription or not group:
        return None
    base = f"/subscriptions/{subscription}/resourceGroups/{group}"
    if token == "resources:ResourceGroup":  # noqa: S105 - a type token
        return base
    if token not in _IN_GROUP:
        return None
    type_name, keys = _IN_GROUP[token]
    names = [key if key in _FIXED else _text(inputs, key) for key in keys]
    namespace, *kinds = type_name.split("/")
    if not all(names):
        return None
    return f"{base}/providers/{namespace}/" + "/".join(f"{each}/{name}" for each, name in zip(kinds, names, strict=True))


def _text(inputs: Mapping[str, Any], key: str) -> str:
    """The input where it is a known text, else ""."""
    value = inputs.get(key)
    return value if isinstance(value, str) else ""
