"""Log group, function, published version, alias `live`, and the capacity that is kept for it.

A new image or setting publishes a new version. With document["live"] set the alias stays where it is and the new version is
only exported, to be asked by its number; with "" the alias moves to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from mldeploy.providers.aws.program import quiet
from mldeploy.providers.aws.program import role as roles

ALIAS = "live"


class Deployed(NamedTuple):
    """What the endpoint, the triggers and the alarms are attached to."""

    function: quiet.Function
    alias: quiet.Alias
    role: aws.iam.Role
    log_group: aws.cloudwatch.LogGroup


def declare(document: Mapping[str, Any], account: pulumi.Output[str]) -> Deployed:
    """Everything that runs the image."""
    names, tags = document["names"], document["tags"]
    # Before the function, under the name at which Lambda looks: it would make a group without retention, and the role may not.
    log_group = aws.cloudwatch.LogGroup(
        "log-group", name=names["log_group"], retention_in_days=document["log_retention_days"], tags=tags
    )
    role, granted = roles.declare(document, account, log_group)
    function = _function(document, role, pulumi.ResourceOptions(depends_on=[granted, log_group]))
    is_held = bool(document["live"])
    alias = quiet.Alias(
        "alias",
        name=ALIAS,
        description="the version that serves",
        function_name=function.name,
        function_version=function.version,
        opts=pulumi.ResourceOptions(ignore_changes=["function_version"] if is_held else []),
    )
    if document["function"]["provisioned_concurrency"]:
        quiet.ProvisionedConcurrencyConfig(
            "provisioned-concurrency",
            function_name=function.name,
            qualifier=alias.name,
            provisioned_concurrent_executions=document["function"]["provisioned_concurrency"],
        )
    return Deployed(function, alias, role, log_group)


def _function(document: Mapping[str, Any], role: aws.iam.Role, opts: pulumi.ResourceOptions) -> quiet.Function:
    wanted, names = document["function"], document["names"]
    # A release of its own for every change that `up` tells apart: new values of secrets reach new environments only.
    environment = {**wanted["environment"], "MLDEPLOY_RELEASE": document["release"]}
    return quiet.Function(
        "function",
        name=names["function"],
        description=f"mldeploy: {document['name']} ({document['stage']})",
        role=role.arn,
        package_type="Image",
        image_uri=document["image"],
        image_config={"commands": wanted["command"]},
        architectures=[wanted["architecture"]],
        memory_size=wanted["memory_mb"],
        timeout=wanted["timeout_s"],
        ephemeral_storage={"size": wanted["ephemeral_mb"]},
        reserved_concurrent_executions=-1 if wanted["reserved_concurrency"] is None else wanted["reserved_concurrency"],
        environment={"variables": environment},
        tracing_config={"mode": "Active" if wanted["tracing"] else "PassThrough"},
        publish=True,
        tags=document["tags"],
        opts=opts,
    )
