"""What runs: the function from the image, how it is reached, what else asks it, who is told. Exports plain outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from mldeploy.providers.aws.program import alarms, endpoint, function, triggers


def declare(document: Mapping[str, Any]) -> None:
    """Everything of the service stack. With document["live"] set, that release keeps all traffic and `candidate` is new."""
    account = aws.get_caller_identity_output().account_id
    deployed = function.declare(document, account)
    reached = endpoint.declare(document, deployed)
    triggers.declare(document, deployed, account)
    alarms.declare(document, deployed, reached)
    pulumi.export("url", reached.url)
    pulumi.export("visibility", document["visibility"])
    pulumi.export("release", document["live"] or document["release"])
    pulumi.export("version", deployed.alias.function_version)
    pulumi.export("candidate", document["release"])
    pulumi.export("candidate_version", deployed.function.version)
    pulumi.export("function", deployed.function.name)
    pulumi.export("function_arn", deployed.function.arn)
    pulumi.export("alias", deployed.alias.name)
    pulumi.export("alias_arn", deployed.alias.arn)
    pulumi.export("role", deployed.role.arn)
    pulumi.export("log_group", deployed.log_group.name)
    pulumi.export("account", account)
