"""Azure's types: resource ids of Azure Resource Manager, and the inputs whose change makes a new resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from standin.kind import Inputs, Kind, Scope, guid

GROUP = "/subscriptions/{subscription}/resourceGroups/{resourceGroupName}"


def _kind(provider: str, name: str, *more: str, **other: Any) -> Kind:
    """`provider` is "Microsoft.App/containerApps"; `name` the input that names the resource."""
    return Kind(f"{GROUP}/providers/{provider}/{{{name}}}", ("resourceGroupName", name, "location", *more), **other)


def _registry(scope: Scope, physical_id: str, inputs: Inputs) -> Mapping[str, Any]:
    return {"loginServer": scope.registry}


def _identity(scope: Scope, physical_id: str, inputs: Inputs) -> Mapping[str, Any]:
    return {"principalId": guid("p", physical_id), "clientId": guid("c", physical_id), "tenantId": scope.tenant}


def _workspace(scope: Scope, physical_id: str, inputs: Inputs) -> Mapping[str, Any]:
    return {"customerId": guid("w", physical_id)}


def _component(scope: Scope, physical_id: str, inputs: Inputs) -> Mapping[str, Any]:
    key = guid("i", physical_id)
    return {"instrumentationKey": key, "connectionString": f"InstrumentationKey={key}", "appId": guid("a", physical_id)}


def _vault(scope: Scope, physical_id: str, inputs: Inputs) -> Mapping[str, Any]:
    properties = inputs.get("properties") or {}
    return {"properties": {**properties, "vaultUri": f"https://{inputs['vaultName']}.vault.azure.net/"}}


def _storage(scope: Scope, physical_id: str, inputs: Inputs) -> Mapping[str, Any]:
    name = inputs["accountName"]
    ends = {part: f"https://{name}.{part}.core.windows.net/" for part in ("blob", "queue", "table", "file")}
    return {"primaryEndpoints": ends}


KINDS: Mapping[str, Kind] = {
    "azure-native:resources:ResourceGroup": Kind(GROUP, ("resourceGroupName", "location")),
    "azure-native:containerregistry:Registry": _kind(
        "Microsoft.ContainerRegistry/registries", "registryName", outputs=_registry
    ),
    "azure-native:managedidentity:UserAssignedIdentity": _kind(
        "Microsoft.ManagedIdentity/userAssignedIdentities", "resourceName", outputs=_identity
    ),
    "azure-native:authorization:RoleAssignment": Kind(
        "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        ("scope", "roleAssignmentName", "principalId", "roleDefinitionId"),
    ),
    "azure-native:operationalinsights:Workspace": _kind(
        "Microsoft.OperationalInsights/workspaces", "workspaceName", outputs=_workspace
    ),
    "azure-native:applicationinsights:Component": _kind("Microsoft.Insights/components", "resourceName", outputs=_component),
    "azure-native:app:ManagedEnvironment": _kind("Microsoft.App/managedEnvironments", "environmentName"),
    "azure-native:app:ContainerAppsAuthConfig": Kind(
        GROUP + "/providers/Microsoft.App/containerApps/{containerAppName}/authConfigs/{authConfigName}",
        ("resourceGroupName", "containerAppName", "authConfigName"),
    ),
    "azure-native:containerregistry:Task": Kind(
        GROUP + "/providers/Microsoft.ContainerRegistry/registries/{registryName}/tasks/{taskName}",
        ("resourceGroupName", "registryName", "taskName", "location"),
    ),
    "azure-native:monitor:DiagnosticSetting": Kind(
        "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}", ("resourceUri", "name")
    ),
    "azure-native:monitor:ScheduledQueryRule": _kind("Microsoft.Insights/scheduledQueryRules", "ruleName"),
    "azure-native:storage:Queue": Kind(
        GROUP + "/providers/Microsoft.Storage/storageAccounts/{accountName}/queueServices/default/queues/{queueName}",
        ("resourceGroupName", "accountName", "queueName"),
    ),
    "azure-native:web:WebAppAuthSettingsV2": Kind(
        GROUP + "/providers/Microsoft.Web/sites/{name}/config/authsettingsV2", ("resourceGroupName", "name")
    ),
    "azure-native:app:ContainerApp": _kind(
        "Microsoft.App/containerApps", "containerAppName", "environmentId", "managedEnvironmentId", is_service=True
    ),
    "azure-native:web:AppServicePlan": _kind("Microsoft.Web/serverfarms", "name"),
    "azure-native:web:WebApp": _kind("Microsoft.Web/sites", "name", is_service=True),
    "azure-native:web:WebAppSlot": Kind(
        GROUP + "/providers/Microsoft.Web/sites/{name}/slots/{slot}", ("resourceGroupName", "name", "slot", "location")
    ),
    "azure-native:keyvault:Vault": _kind("Microsoft.KeyVault/vaults", "vaultName", outputs=_vault),
    "azure-native:storage:StorageAccount": _kind("Microsoft.Storage/storageAccounts", "accountName", "kind", outputs=_storage),
    "azure-native:storage:BlobContainer": Kind(
        GROUP + "/providers/Microsoft.Storage/storageAccounts/{accountName}/blobServices/default/containers/{containerName}",
        ("resourceGroupName", "accountName", "containerName"),
    ),
    "azure-native:eventgrid:SystemTopic": _kind("Microsoft.EventGrid/systemTopics", "systemTopicName", "source", "topicType"),
    "azure-native:eventgrid:SystemTopicEventSubscription": Kind(
        GROUP + "/providers/Microsoft.EventGrid/systemTopics/{systemTopicName}/eventSubscriptions/{eventSubscriptionName}",
        ("resourceGroupName", "systemTopicName", "eventSubscriptionName"),
    ),
    "azure-native:monitor:MetricAlert": _kind("Microsoft.Insights/metricAlerts", "ruleName"),
    "azure-native:monitor:ActionGroup": _kind("Microsoft.Insights/actionGroups", "actionGroupName"),
    "azure-native:consumption:Budget": Kind(
        "{scope}/providers/Microsoft.Consumption/budgets/{budgetName}", ("scope", "budgetName")
    ),
}


def conflict(kind: Kind, token: str, physical_id: str) -> str:
    """The published plugin's words when something of that id is there."""
    return f"cannot create already existing resource '{physical_id}'"
