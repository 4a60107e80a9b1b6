"""Logs, alerts and the budget. Telemetry goes in with the runtime's identity; there is no key to leak."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_azure_native import applicationinsights, consumption, monitor, operationalinsights

from mldeploy.providers.azure.program.arm import Document, common, group_id

WINDOW = "PT5M"
EVERY = "PT1M"
QUERY_EVERY = "PT5M"
SEVERITY_ERROR = 1
SEVERITY_WARNING = 2
SHORT_NAME_CHARS = 12
BUDGET_STEPS_PERCENT = (80, 100)
APP_METRICS = "Microsoft.App/containerapps"
SITE_METRICS = "Microsoft.Web/sites"


@dataclass(frozen=True)
class Logs:
    """The workspace that has all lines, and the Application Insights component that the host reports to."""

    workspace: operationalinsights.Workspace
    insights: applicationinsights.Component


def logs(document: Document) -> Logs:
    """Both; the component takes nothing without Entra."""
    workspace = operationalinsights.Workspace(
        "workspace",
        workspace_name=document["names"]["workspace"],
        sku={"name": "PerGB2018"},
        retention_in_days=document["log_retention_days"],
        **common(document),
    )
    insights = applicationinsights.Component(
        "insights",
        resource_name_=document["names"]["insights"],
        kind="web",
        application_type="web",
        ingestion_mode="LogAnalytics",
        workspace_resource_id=workspace.id,
        disable_local_auth=True,
        **common(document),
    )
    return Logs(workspace, insights)


def alerts(document: Document, served: pulumi.CustomResource, watched: Logs) -> None:
    """Those that the document asks for. Latency comes from the host's records: the platform's metric has no percentiles."""
    alarms = document["alarms"]
    if not alarms or not any(alarms[kind] for kind in ("errors", "throttles", "p95_ms")):
        return
    receivers = _receivers(document)
    if document["plan"] == "premium":
        if alarms["errors"]:
            _metric(document, "errors", served, receivers, alarms["errors"], SITE_METRICS, "Http5xx")
    else:
        for kind, dimension, value in (("errors", "statusCodeCategory", "5xx"), ("throttles", "statusCode", "429")):
            if alarms[kind]:
                _metric(document, kind, served, receivers, alarms[kind], APP_METRICS, "Requests", (dimension, value))
    if alarms["p95_ms"]:
        _latency(document, watched, receivers, alarms["p95_ms"])


def _receivers(document: Document) -> list[pulumi.Output[str]]:
    """The action group's id; empty where nobody is to be told."""
    email, name = document["alarms"]["email"], document["names"]["actions"]
    if not email:
        return []
    group = monitor.ActionGroup(
        "actions",
        action_group_name=name,
        group_short_name=document["model"][:SHORT_NAME_CHARS],
        enabled=True,
        email_receivers=[{"name": "owner", "email_address": email, "use_common_alert_schema": True}],
        **{**common(document), "location": "Global"},
    )
    return [group.id]


def _metric(
    document: Document,
    kind: str,
    served: pulumi.CustomResource,
    receivers: list[pulumi.Output[str]],
    at_least: int,
    namespace: str,
    metric: str,
    dimension: tuple[str, str] | None = None,
) -> None:
    chosen = [dimension] if dimension else []
    dimensions = [monitor.MetricDimensionArgs(name=name, operator="Include", values=[value]) for name, value in chosen]
    criterion = monitor.MetricCriteriaArgs(
        criterion_type="StaticThresholdCriterion",
        name=kind,
        metric_namespace=namespace,
        metric_name=metric,
        operator="GreaterThanOrEqual",
        threshold=at_least,
        time_aggregation="Total",
        dimensions=dimensions,
    )
    # Several kinds of criteria are possible: the SDK only knows which this is from its class.
    criteria = monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
        odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria", all_of=[criterion]
    )
    monitor.MetricAlert(
        kind,
        rule_name=document["names"][kind],
        criteria=criteria,
        scopes=[served.id],
        enabled=True,
        severity=SEVERITY_ERROR if kind == "errors" else SEVERITY_WARNING,
        evaluation_frequency=EVERY,
        window_size=WINDOW,
        auto_mitigate=True,
        actions=[{"action_group_id": receiver} for receiver in receivers],
        **{**common(document), "location": "global"},
    )


def _latency(document: Document, watched: Logs, receivers: list[pulumi.Output[str]], p95_ms: float) -> None:
    condition: Any = {
        "query": "AppRequests | summarize p95_ms = percentile(DurationMs, 95) by bin(TimeGenerated, 5m)",
        "metric_measure_column": "p95_ms",
        "time_aggregation": "Maximum",
        "operator": "GreaterThan",
        "threshold": p95_ms,
        "failing_periods": {"number_of_evaluation_periods": 1, "min_failing_periods_to_alert": 1},
    }
    monitor.ScheduledQueryRule(
        "latency",
        rule_name=document["names"]["latency"],
        display_name=document["names"]["latency"],
        kind="LogAlert",
        scopes=[watched.workspace.id],
        criteria={"all_of": [condition]},
        enabled=True,
        severity=SEVERITY_WARNING,
        evaluation_frequency=QUERY_EVERY,
        window_size=WINDOW,
        auto_mitigate=True,
        actions={"action_groups": receivers},
        **common(document),
    )


def budget(document: Document) -> None:
    """On the resource group. Azure wants the current month as its beginning; once made, that never changes."""
    asked = document["budget"]
    first = document.get("month") or datetime.datetime.now(datetime.UTC).strftime("%Y-%m-01T00:00:00Z")
    consumption.Budget(
        "budget",
        budget_name=document["names"]["budget"],
        scope=group_id(document),
        amount=asked["monthly_usd"],
        category="Cost",
        time_grain="Monthly",
        time_period={"start_date": first},
        notifications={
            f"actual{percent}": {
                "enabled": True,
                "operator": "GreaterThanOrEqualTo",
                "threshold": percent,
                "threshold_type": "Actual",
                "contact_emails": [asked["email"]],
            }
            for percent in BUDGET_STEPS_PERCENT
        },
        opts=pulumi.ResourceOptions(ignore_changes=["timePeriod"]),
    )
