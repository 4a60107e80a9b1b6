"""What is still there after destroy: looked for by name, kind by kind, and then by tag for what has another name.

The tagging API tells of deleted things for a while, so of everything that was looked for by name the look counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mldeploy.errors import ProviderError
from mldeploy.providers.aws.client import Clients, asking, missing_is_fine
from mldeploy.providers.aws.ids import account, api_id, topic_arn

Names = Mapping[str, str]
_GONE = (
    *("ResourceNotFoundException", "RepositoryNotFoundException", "NoSuchEntity", "NoSuchEntityException", "NotFound"),
    *("NotFoundException",),
)


def residue(clients: Clients, document: Mapping[str, Any]) -> Iterator[str]:
    """Everything that is left, in words."""
    names: Names = document["names"]
    for title, look in _looks(document).items():
        with asking(f"{title} could not be looked for"), missing_is_fine(*_GONE):
            found = look(clients, names)
            if found:
                yield f"{title} {found}"
    yield from _tagged(clients, document["tags"]["deployment"], names)


def _looks(document: Mapping[str, Any]) -> dict[str, Callable[[Clients, Names], str]]:
    """What to look for, by what people call it; the features that the document does not have are left out."""
    looks: dict[str, Callable[[Clients, Names], str]] = {
        "Lambda function": _function,
        "ECR repository": _repository,
        "IAM role": _role,
        "log group": _log_group,
    }
    if document["secrets"]["managed"]:
        looks["secret"] = _secret
    if document["endpoint"] == "http_api":
        looks["HTTP API"] = _api
    if document["trigger"]:
        looks["notification of the bucket"] = lambda clients, names: _notification(clients, document, names)
    if document["schedule"]:
        looks |= {"schedule": _schedule, "IAM role of the schedule": _schedule_role}
    if document["alarms"]:
        looks["alarms"] = _alarms
        if document["alarms"]["email"]:
            looks["SNS topic"] = _topic
    if document["budget"]:
        looks["budget"] = _budget
    return looks


def _function(clients: Clients, names: Names) -> str:
    return str(clients("lambda").get_function(FunctionName=names["function"])["Configuration"]["FunctionName"])


def _repository(clients: Clients, names: Names) -> str:
    found = clients("ecr").describe_repositories(repositoryNames=[names["repository"]])["repositories"]
    return str(found[0]["repositoryUri"]) if found else ""


def _role(clients: Clients, names: Names) -> str:
    return str(clients("iam").get_role(RoleName=names["role"])["Role"]["RoleName"])


def _schedule_role(clients: Clients, names: Names) -> str:
    return str(clients("iam").get_role(RoleName=names["schedule_role"])["Role"]["RoleName"])


def _log_group(clients: Clients, names: Names) -> str:
    found = clients("logs").describe_log_groups(logGroupNamePrefix=names["log_group"])["logGroups"]
    return names["log_group"] if any(group["logGroupName"] == names["log_group"] for group in found) else ""


def _secret(clients: Clients, names: Names) -> str:
    found = clients("secretsmanager").describe_secret(SecretId=names["secret"])
    return "" if "DeletedDate" in found else str(found["Name"])


def _api(clients: Clients, names: Names) -> str:
    return names["api"] if api_id(clients, names["api"]) else ""


def _notification(clients: Clients, document: Mapping[str, Any], names: Names) -> str:
    bucket = document["trigger"]["bucket"]
    with missing_is_fine("NoSuchBucket"):
        found = clients("s3").get_bucket_notification_configuration(Bucket=bucket)
        own = [each for each in found.get("LambdaFunctionConfigurations", ()) if each.get("Id") == names["function"]]
        return f"{bucket}, for {names['function']}" if own else ""
    return ""


def _schedule(clients: Clients, names: Names) -> str:
    return str(clients("scheduler").get_schedule(Name=names["schedule"])["Name"])


def _alarms(clients: Clients, names: Names) -> str:
    own = [name for part, name in names.items() if part.startswith("alarm_")]
    found = clients("cloudwatch").describe_alarms(AlarmNames=own)["MetricAlarms"]
    return ", ".join(alarm["AlarmName"] for alarm in found)


def _topic(clients: Clients, names: Names) -> str:
    arn = topic_arn(clients, names["topic"])
    clients("sns").get_topic_attributes(TopicArn=arn)
    return arn


def _budget(clients: Clients, names: Names) -> str:
    found = clients("budgets").describe_budget(AccountId=account(clients), BudgetName=names["budget"])
    return str(found["Budget"]["BudgetName"])


def _tagged(clients: Clients, deployment: str, names: Names) -> Iterator[str]:
    """What carries our tags and none of our names. Who may not ask the tagging API has looked by name all the same."""
    filters = [{"Key": "tool", "Values": ["mldeploy"]}, {"Key": "deployment", "Values": [deployment]}]
    try:
        with asking("tagged resources could not be listed"):
            pages = clients("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=filters)
            arns = [str(each["ResourceARN"]) for page in pages for each in page["ResourceTagMappingList"]]
    except ProviderError:
        return
    known = set(names.values())
    for arn in arns:
        is_named = any(name in arn for name in known)
        if not is_named and arn.split(":")[2] != "apigateway":
            yield f"tagged resource {arn}"
