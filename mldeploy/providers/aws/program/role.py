"""What the function runs as, and what that may do: write its own log, read its own secrets and objects, nothing else.

Every statement names its actions and its resources. X-Ray knows no resources, so that its two actions are the only ones on "*".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws


def assumed_by(service: str, account: str = "") -> str:
    """The trust policy of a role that one AWS service takes on, for this account's sake only where one is given."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    if account:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def policy(*statements: tuple[str, list[str], list[str]]) -> str:
    """A policy document of (sid, actions, resources)."""
    rows = [{"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources} for sid, actions, resources in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": rows})


def declare(
    document: Mapping[str, Any], account: pulumi.Output[str], log_group: aws.cloudwatch.LogGroup
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """The function's role with its one inline policy. The function must wait for both."""
    names = document["names"]
    role = aws.iam.Role(
        "role",
        name=names["role"],
        description=f"What the model deployment {names['function']} runs as",
        assume_role_policy=assumed_by("lambda.amazonaws.com"),
        tags=document["tags"],
    )
    granted = aws.iam.RolePolicy(
        "role-policy",
        name=names["role_policy"],
        role=role.name,
        policy=pulumi.Output.all(account, log_group.arn).apply(lambda known: policy(*statements(document, *known))),
    )
    return role, granted


def statements(document: Mapping[str, Any], account: str, log_group_arn: str) -> list[tuple[str, list[str], list[str]]]:
    """Everything that the function may do."""
    partition, region, secrets = document["partition"], document["region"], document["secrets"]
    found = [("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group_arn.removesuffix(':*')}:*"])]
    readable = list(secrets["references"].values())
    if secrets["managed"]:
        # Secrets Manager puts six random characters behind a name; six question marks are that secret and no other.
        name = document["names"]["secret"]
        readable.append(f"arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-??????")
    if readable:
        found.append(("Secrets", ["secretsmanager:GetSecretValue"], sorted(set(readable))))
    trigger = document["trigger"]
    if trigger:
        found.append(("ReadObjects", ["s3:GetObject"], [f"arn:{partition}:s3:::{trigger['bucket']}/{trigger['prefix']}*"]))
        results = f"arn:{partition}:s3:::{trigger['results_bucket']}/{trigger['results_prefix']}*"
        found.append(("WriteResults", ["s3:PutObject"], [results]))
    if document["function"]["tracing"]:
        found.append(("Trace", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]))
    return found
