"""Who is told when something is wrong, or costs more than it should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from mldeploy.providers.aws.program.endpoint import Reached
from mldeploy.providers.aws.program.function import ALIAS, Deployed

PERIOD_S = 300


class Watched(NamedTuple):
    """One alarm: it rings when the metric reaches `threshold` within five minutes."""

    key: str
    description: str
    metric: str
    threshold: float
    namespace: str
    dimensions: Mapping[str, pulumi.Input[str]]
    statistic: str = "Sum"


def declare(document: Mapping[str, Any], deployed: Deployed, reached: Reached) -> None:
    """Alarms and budget, where the document has some."""
    if document["alarms"]:
        _alarms(document, document["alarms"], deployed, reached)
    if document["budget"]:
        _budget(document, document["budget"])


def _alarms(document: Mapping[str, Any], alarms: Mapping[str, Any], deployed: Deployed, reached: Reached) -> None:
    names, tags = document["names"], document["tags"]
    told: list[pulumi.Input[str]] = []
    if alarms["email"]:
        topic = aws.sns.Topic("alarm-topic", name=names["topic"], tags=tags)
        aws.sns.TopicSubscription("alarm-email", topic=topic.arn, protocol="email", endpoint=alarms["email"])
        told = [topic.arn]
    for watched in _watched(document, alarms, deployed, reached):
        is_percentile = watched.statistic.startswith("p")
        aws.cloudwatch.MetricAlarm(
            f"alarm-{watched.key}",
            name=names[f"alarm_{watched.key}"],
            alarm_description=watched.description,
            namespace=watched.namespace,
            metric_name=watched.metric,
            dimensions=watched.dimensions,
            statistic=None if is_percentile else watched.statistic,
            extended_statistic=watched.statistic if is_percentile else None,
            period=PERIOD_S,
            evaluation_periods=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=watched.threshold,
            treat_missing_data="notBreaching",
            alarm_actions=told,
            ok_actions=told,
            tags=tags,
        )


def _watched(document: Mapping[str, Any], alarms: Mapping[str, Any], deployed: Deployed, reached: Reached) -> Iterator[Watched]:
    name = document["names"]["function"]
    of_function: dict[str, pulumi.Input[str]] = {"FunctionName": deployed.function.name}
    of_alias: dict[str, pulumi.Input[str]] = {**of_function, "Resource": f"{name}:{ALIAS}"}
    if alarms["errors"] is not None:
        yield Watched("errors", f"{name}: invocations failed", "Errors", alarms["errors"], "AWS/Lambda", of_alias)
        said = f"{name}: answers with status 5xx"
        if document["endpoint"] == "url":
            yield Watched("answers", said, "Url5xxCount", alarms["errors"], "AWS/Lambda", of_alias)
        elif document["endpoint"] == "http_api":
            yield Watched("answers", said, "5xx", alarms["errors"], "AWS/ApiGateway", {"ApiId": reached.api_id})
    if alarms["throttles"] is not None:
        yield Watched("throttles", f"{name}: no capacity", "Throttles", alarms["throttles"], "AWS/Lambda", of_function)
    if alarms["p95_ms"] is not None:
        yield Watched("p95", f"{name}: slow", "Duration", alarms["p95_ms"], "AWS/Lambda", of_alias, "p95")


def _budget(document: Mapping[str, Any], budget: Mapping[str, Any]) -> None:
    """Counts what carries the tag `deployment`, once that tag is activated for cost allocation in the account."""
    aws.budgets.Budget(
        "budget",
        name=document["names"]["budget"],
        budget_type="COST",
        time_unit="MONTHLY",
        limit_amount=f"{budget['monthly_usd']:.2f}".removesuffix(".00"),
        limit_unit="USD",
        cost_filters=[{"name": "TagKeyValue", "values": [f"user:deployment${document['tags']['deployment']}"]}],
        notifications=[
            {
                "comparison_operator": "GREATER_THAN",
                "notification_type": "ACTUAL",
                "threshold": percent,
                "threshold_type": "PERCENTAGE",
                "subscriber_email_addresses": [budget["email"]],
            }
            for percent in (80, 100)
        ],
        tags=document["tags"],
    )
