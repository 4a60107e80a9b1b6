"""When to say that something is wrong, and what it costs: alert policies and a budget, told by e-mail."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_gcp import billing

from mldeploy.providers.gcp.program.accounts import Document
from mldeploy.providers.gcp.program.quiet import AlertPolicy, NotificationChannel
from mldeploy.providers.gcp.program.served import Served

WINDOW = "300s"
_REQUESTS = 'metric.type = "run.googleapis.com/request_count"'


def watch(document: Document, served: Served) -> None:
    """Declare what the document asks for."""
    alarms, budget = document["alarms"] or {}, document["budget"]
    addresses = [section["email"] for section in (alarms, budget or {}) if section.get("email")]
    told = {address: _channel(document, address) for address in dict.fromkeys(addresses)}
    channels = [told[alarms["email"]].name] if alarms.get("email") else []
    count = {"per_series_aligner": "ALIGN_DELTA", "cross_series_reducer": "REDUCE_SUM"}
    if alarms.get("errors"):
        condition = _condition(
            served, f'{_REQUESTS} AND metric.labels.response_code_class = "5xx"', alarms["errors"] - 1, count
        )
        _policy(document, "errors", "failed requests (5xx)", condition, channels)
    if alarms.get("throttles"):
        condition = _condition(served, f'{_REQUESTS} AND metric.labels.response_code = "429"', alarms["throttles"] - 1, count)
        _policy(document, "throttles", "requests refused for lack of capacity (429)", condition, channels)
    if alarms.get("p95_ms"):
        latency = 'metric.type = "run.googleapis.com/request_latencies"'
        p95 = {"per_series_aligner": "ALIGN_DELTA", "cross_series_reducer": "REDUCE_PERCENTILE_95"}
        condition = _condition(served, latency, alarms["p95_ms"], p95)
        _policy(document, "p95", f"95th percentile of latency above {alarms['p95_ms']:g} ms", condition, channels)
    if budget:
        _budget(document, budget, told[budget["email"]])


def _channel(document: Document, address: str) -> NotificationChannel:
    return NotificationChannel(
        f"email-{address}",
        type="email",
        project=document["project"],
        display_name=f"{document['name']}: {address}",
        labels={"email_address": address},
        user_labels=document["labels"],
    )


def _condition(served: Served, metric: str, threshold: float, aggregation: dict[str, str]) -> Any:
    """One series of the service over five minutes, in one number."""
    what = served.service.apply(
        lambda name: f'resource.type = "cloud_run_revision" AND resource.labels.service_name = "{name}" AND {metric}'
    )
    return {
        "filter": what,
        "comparison": "COMPARISON_GT",
        "threshold_value": threshold,
        "duration": "0s",
        "aggregations": [{"alignment_period": WINDOW, **aggregation}],
        "trigger": {"count": 1},
    }


def _policy(document: Document, label: str, title: str, condition: Any, channels: list[pulumi.Output[str]]) -> None:
    AlertPolicy(
        f"alarm-{label}",
        project=document["project"],
        display_name=f"{document['name']}: {title}",
        combiner="OR",
        conditions=[{"display_name": title, "condition_threshold": condition}],
        notification_channels=channels,
        user_labels=document["labels"],
    )


def _budget(document: Document, budget: dict[str, Any], channel: NotificationChannel) -> None:
    """Everything with this deployment's label, which is one label: a budget takes no more."""
    cents = round(budget["monthly_usd"] * 100)
    billing.Budget(
        "budget",
        billing_account=budget["billing_account"],
        display_name=f"mldeploy: {document['name']}",
        amount={"specified_amount": {"currency_code": "USD", "units": str(cents // 100), "nanos": cents % 100 * 10_000_000}},
        budget_filter={"labels": {"deployment": document["labels"]["deployment"]}, "calendar_period": "MONTH"},
        threshold_rules=[{"threshold_percent": share, "spend_basis": "CURRENT_SPEND"} for share in (0.8, 1.0)],
        all_updates_rule={
            "monitoring_notification_channels": [channel.name],
            "disable_default_iam_recipients": True,
        },
    )
