"""What asks the model besides callers: new objects in a bucket, and the clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from mldeploy.providers.aws.program import quiet
from mldeploy.providers.aws.program import role as roles
from mldeploy.providers.aws.program.function import Deployed


def declare(document: Mapping[str, Any], deployed: Deployed, account: pulumi.Output[str]) -> None:
    """Those that the document asks for."""
    if document["trigger"]:
        _objects(document, document["trigger"], deployed, account)
    if document["schedule"]:
        _schedule(document, document["schedule"], deployed, account)


def _objects(document: Mapping[str, Any], trigger: Mapping[str, Any], deployed: Deployed, account: pulumi.Output[str]) -> None:
    """S3 may invoke for this bucket of this account only, before the bucket is told to. The notification settings of a bucket
    are one document, which is written here as a whole."""
    bucket = trigger["bucket"]
    permission = quiet.Permission(
        "trigger-permission",
        action="lambda:InvokeFunction",
        function=deployed.function.name,
        qualifier=deployed.alias.name,
        principal="s3.amazonaws.com",
        source_arn=f"arn:{document['partition']}:s3:::{bucket}",
        source_account=account,
        statement_id="objects",
    )
    quiet.BucketNotification(
        "trigger",
        bucket=bucket,
        lambda_functions=[
            {
                "id": document["names"]["function"],
                "lambda_function_arn": deployed.alias.arn,
                "events": ["s3:ObjectCreated:*"],
                "filter_prefix": trigger["prefix"],
                "filter_suffix": trigger["suffix"],
            }
        ],
        opts=pulumi.ResourceOptions(depends_on=[permission]),
    )


def _schedule(
    document: Mapping[str, Any], schedule: Mapping[str, Any], deployed: Deployed, account: pulumi.Output[str]
) -> None:
    """EventBridge Scheduler with a role of its own, which may invoke the alias and nothing else."""
    names = document["names"]
    role = aws.iam.Role(
        "schedule-role",
        name=names["schedule_role"],
        description=f"Lets the schedule of {names['function']} invoke it",
        assume_role_policy=account.apply(lambda known: roles.assumed_by("scheduler.amazonaws.com", known)),
        tags=document["tags"],
    )
    granted = aws.iam.RolePolicy(
        "schedule-role-policy",
        name=names["schedule_policy"],
        role=role.name,
        policy=deployed.alias.arn.apply(lambda arn: roles.policy(("Invoke", ["lambda:InvokeFunction"], [arn]))),
    )
    aws.scheduler.Schedule(
        "schedule",
        name=names["schedule"],
        description=f"Asks {names['function']} at fixed times",
        schedule_expression=schedule["expression"],
        schedule_expression_timezone=schedule["timezone"],
        flexible_time_window={"mode": "OFF"},
        target={
            "arn": deployed.alias.arn,
            "role_arn": role.arn,
            "input": json.dumps({"inputs": schedule["inputs"]}),
            "retry_policy": {"maximum_event_age_in_seconds": 3600, "maximum_retry_attempts": 3},
        },
        opts=pulumi.ResourceOptions(depends_on=[granted]),
    )
