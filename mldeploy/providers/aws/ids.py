"""The id by which the engine finds a resource again: as `import` takes it. For what a killed update may have left behind.

most                        from their inputs: names are ours
secret, topic, budget, API  asked for by name, since the cloud gave the id
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mldeploy.providers.aws.client import Clients, asking, missing_is_fine

Inputs = Mapping[str, Any]

_NAMED = {
    "aws:ecr/repository:Repository": "{name}",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": "{repository}",
    "aws:cloudwatch/logGroup:LogGroup": "{name}",
    "aws:iam/role:Role": "{name}",
    "aws:iam/rolePolicy:RolePolicy": "{role}:{name}",
    "aws:lambda/function:Function": "{name}",
    "aws:lambda/alias:Alias": "{functionName}/{name}",
    "aws:lambda/functionUrl:FunctionUrl": "{functionName}/{qualifier}",
    "aws:lambda/permission:Permission": "{function}:{qualifier}/{statementId}",
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": "{functionName},{qualifier}",
    "aws:apigatewayv2/stage:Stage": "{apiId}/{name}",
    "aws:s3/bucketNotification:BucketNotification": "{bucket}",
    "aws:scheduler/schedule:Schedule": "default/{name}",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "{name}",
}


def physical_id(clients: Clients, kind: str, inputs: Inputs) -> str | None:
    """The id, or None where it cannot be told. Asks AWS only for what only AWS knows."""
    if kind in _NAMED:
        try:
            return _NAMED[kind].format_map(inputs)
        except KeyError:
            return None
    look = _ASKED.get(kind)
    if look is None:
        return None
    with asking(f"{kind} could not be looked for"):
        return look(clients, inputs)


def api_id(clients: Clients, name: str) -> str | None:
    """The HTTP API of this name: names are not unique, ours carry a digest."""
    token: dict[str, str] = {}
    while True:
        page = clients("apigatewayv2").get_apis(MaxResults="100", **token)
        for item in page["Items"]:
            if item["Name"] == name:
                return str(item["ApiId"])
        if not page.get("NextToken"):
            return None
        token = {"NextToken": page["NextToken"]}


def account(clients: Clients) -> str:
    """The account of the caller's credentials."""
    return str(clients("sts").get_caller_identity()["Account"])


def topic_arn(clients: Clients, name: str) -> str:
    """Topics are made by name; making one again gives the same ARN, so none is made to find out."""
    arn = str(clients("sts").get_caller_identity()["Arn"])
    return f"arn:{arn.split(':')[1]}:sns:{clients.region}:{account(clients)}:{name}"


def _secret(clients: Clients, inputs: Inputs) -> str | None:
    with missing_is_fine("ResourceNotFoundException"):
        return str(clients("secretsmanager").describe_secret(SecretId=inputs["name"])["ARN"])
    return str(inputs["name"])  # nothing is there, and reading it says so


def _topic(clients: Clients, inputs: Inputs) -> str | None:
    return topic_arn(clients, inputs["name"])


def _subscription(clients: Clients, inputs: Inputs) -> str | None:
    """None while the mail is not confirmed: subscribing again is the same subscription."""
    with missing_is_fine("NotFound", "NotFoundException"):
        for found in clients("sns").list_subscriptions_by_topic(TopicArn=inputs["topic"])["Subscriptions"]:
            if found["Endpoint"] == inputs["endpoint"] and found["SubscriptionArn"].startswith("arn:"):
                return str(found["SubscriptionArn"])
    return None


def _budget(clients: Clients, inputs: Inputs) -> str | None:
    return f"{account(clients)}:{inputs['name']}"


def _api(clients: Clients, inputs: Inputs) -> str | None:
    return api_id(clients, inputs["name"])


def _integration(clients: Clients, inputs: Inputs) -> str | None:
    found = clients("apigatewayv2").get_integrations(ApiId=inputs["apiId"])["Items"]
    return f"{inputs['apiId']}/{found[0]['IntegrationId']}" if found else None


def _route(clients: Clients, inputs: Inputs) -> str | None:
    found = clients("apigatewayv2").get_routes(ApiId=inputs["apiId"])["Items"]
    return f"{inputs['apiId']}/{found[0]['RouteId']}" if found else None


_ASKED: Mapping[str, Callable[[Clients, Inputs], str | None]] = {
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:sns/topic:Topic": _topic,
    "aws:sns/topicSubscription:TopicSubscription": _subscription,
    "aws:budgets/budget:Budget": _budget,
    "aws:apigatewayv2/api:Api": _api,
    "aws:apigatewayv2/integration:Integration": _integration,
    "aws:apigatewayv2/route:Route": _route,
}
