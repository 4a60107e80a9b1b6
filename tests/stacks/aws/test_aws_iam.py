"""The deployer's policy at AWS, derived for every spec of this folder from what its programs declare under mocks."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from aws_stack import ACCOUNT, SPECS

from mldeploy.errors import DeployError, SpecError
from mldeploy.iam.contract import Asked, Permitting, Policy
from mldeploy.iam.recording import recorded
from mldeploy.plan import Plan
from mldeploy.providers import aws as package
from mldeploy.providers.aws import iam
from mldeploy.providers.aws.cloud import AwsCloud

# IAM's prefix where it is not the name of the service's client.
PREFIX = {"apigatewayv2": "apigateway", "resourcegroupstaggingapi": "tag"}
# Actions that are no operation of a service: they stand for several, or for the right to hand something on.
NO_OPERATION = {
    *("iam:PassRole", "execute-api:Invoke", "lambda:InvokeFunctionUrl", "budgets:ViewBudget", "budgets:ModifyBudget"),
    *("s3:GetBucketNotification", "s3:PutBucketNotification", "lambda:InvokeFunction"),
    *(f"apigateway:{verb}" for verb in ("GET", "POST", "PUT", "PATCH", "DELETE")),
}
# The action of an operation that is not called as the operation is.
ACTION = {
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "budgets:DescribeBudget": "budgets:ViewBudget",
    "lambda:Invoke": "lambda:InvokeFunction",
    "tag:GetPaginator": "tag:GetResources",
}
# A deployment's own things carry its name; these do not, and stand in the policy's `wide`.
IS_NAMED = re.compile(r"digits|:photos\b")


def in_account(plan: Plan) -> dict[str, Any]:
    return {**plan.program, "account": ACCOUNT}


@pytest.fixture(params=[*SPECS, "every feature"])
def policy(request: pytest.FixtureRequest, planned: Callable[..., Plan]) -> Policy:
    is_whole = request.param == "every feature"
    plan, cloud = planned(SPECS["minimal" if is_whole else request.param]), AwsCloud()
    asked = recorded(cloud, plan)
    if is_whole:
        asked = (*asked, *(Asked(kind, {}) for kind in cloud.deployer_kinds()))
    assert isinstance(cloud, Permitting)
    return cloud.deployer(in_account(plan), asked)


def statements(policy: Policy) -> list[Mapping[str, Any]]:
    (document,) = policy.documents.values()
    assert document["Version"] == "2012-10-17"
    return list(document["Statement"])


def actions(policy: Policy) -> set[str]:
    return {action for statement in statements(policy) for action in statement["Action"]}


def test_every_declared_type_has_a_row(planned: Callable[..., Plan]) -> None:
    declared = {each.kind for text in SPECS.values() for each in recorded(AwsCloud(), planned(text))}
    assert len(declared) > 15
    assert declared == AwsCloud().deployer_kinds()


def test_a_type_without_a_row_is_an_error(planned: Callable[..., Plan]) -> None:
    with pytest.raises(DeployError, match="aws:sqs/queue:Queue"):
        iam.policy(in_account(planned(SPECS["minimal"])), [Asked("aws:sqs/queue:Queue", {})])


def test_without_an_account_there_is_no_policy(planned: Callable[..., Plan]) -> None:
    with pytest.raises(SpecError, match="account") as caught:
        iam.policy(planned(SPECS["minimal"]).program, [])
    assert "clouds: {aws: {account:" in str(caught.value.hint)


def test_no_action_is_a_wildcard_and_everything_is_allowed_by_name(policy: Policy) -> None:
    for statement in statements(policy):
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action or "?" in action]
        assert set(statement) <= {"Effect", "Action", "Resource", "Condition"}


def test_what_is_wider_than_the_deployment_is_named(policy: Policy) -> None:
    named = {action for wide in policy.wide for action in wide.actions}
    for statement in statements(policy):
        for resource in statement["Resource"]:
            if not IS_NAMED.search(resource) and "YOUR-BUCKET" not in resource:
                assert set(statement["Action"]) <= named, resource
    assert all(wide.because and wide.on for wide in policy.wide)


def test_a_role_is_passed_to_one_service_only(policy: Policy) -> None:
    passing = [statement for statement in statements(policy) if "iam:PassRole" in statement["Action"]]
    assert passing
    for statement in passing:
        assert statement["Action"] == ["iam:PassRole"]
        assert list(statement["Condition"]["StringEquals"]) == ["iam:PassedToService"]
        assert all(resource.rpartition("/")[2].startswith("digits-dev-") for resource in statement["Resource"])


def test_it_fits_into_a_role(policy: Policy) -> None:
    assert len(json.dumps(policy.documents, separators=(",", ":"))) < iam.MAX_CHARS


def test_only_what_is_asked_for_is_granted(planned: Callable[..., Plan]) -> None:
    def of(name: str) -> set[str]:
        plan = planned(SPECS[name])
        return actions(iam.policy(in_account(plan), recorded(AwsCloud(), plan)))

    plain = of("minimal")
    for service in ("s3", "scheduler", "cloudwatch", "sns", "budgets", "apigateway", "secretsmanager"):
        assert not [action for action in plain if action.startswith(f"{service}:")], service
    assert {"s3:PutBucketNotification"} <= of("trigger") - plain
    assert {"scheduler:CreateSchedule"} <= of("schedule") - plain
    assert {"secretsmanager:PutSecretValue"} <= of("key") - plain
    assert {"sns:CreateTopic", "budgets:ModifyBudget", "apigateway:POST"} <= of("everything") - plain


def test_every_action_exists() -> None:
    for action in sorted({action for row in iam.rows() for action in row.actions} - NO_OPERATION):
        service, _, operation = action.partition(":")
        assert operation in operations({"tag": "resourcegroupstaggingapi"}.get(service, service)), action


@cache
def operations(service: str) -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_service_model(service).operation_names)


def test_what_we_ask_aws_ourselves_is_granted() -> None:
    """Every call of an SDK client in the provider's own code, found in its source."""
    granted = {action for row in iam.rows() for action in row.actions}
    found = dict(calls())
    assert len(found) > 15
    for action, place in found.items():
        wanted = ACTION.get(action, "apigateway:GET" if action.startswith("apigateway:Get") else action)
        assert wanted in granted, f"{place} calls {action}"


def calls() -> Iterator[tuple[str, str]]:
    """`clients("ecr").describe_repositories(…)` as ("ecr:DescribeRepositories", where)."""
    for path in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Call) or len(node.value.args) != 1:
                continue
            service, of = node.value.args[0], ast.unparse(node.value.func)
            if isinstance(service, ast.Constant) and of in ("clients", "self._clients", "self._at(document)"):
                prefix = PREFIX.get(str(service.value), str(service.value))
                yield f"{prefix}:{''.join(part.title() for part in node.attr.split('_'))}", f"{path.name}:{node.lineno}"


def test_what_is_declared_lies_within_what_is_granted(planned: Callable[..., Plan]) -> None:
    """The names that the programs give are those that the policy is bound to."""
    plan = planned(SPECS["everything"])
    asked = recorded(AwsCloud(), plan)
    granted = statements(iam.policy(in_account(plan), asked))
    within = f"eu-central-1:{ACCOUNT}"
    places = {
        "aws:ecr/repository:Repository": ("ecr:CreateRepository", f"arn:aws:ecr:{within}:repository/"),
        "aws:lambda/function:Function": ("lambda:CreateFunction", f"arn:aws:lambda:{within}:function:"),
        "aws:iam/role:Role": ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/"),
        "aws:cloudwatch/logGroup:LogGroup": ("logs:CreateLogGroup", f"arn:aws:logs:{within}:log-group:"),
        "aws:cloudwatch/metricAlarm:MetricAlarm": ("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:{within}:alarm:"),
        "aws:scheduler/schedule:Schedule": ("scheduler:CreateSchedule", f"arn:aws:scheduler:{within}:schedule/default/"),
        "aws:sns/topic:Topic": ("sns:CreateTopic", f"arn:aws:sns:{within}:"),
        "aws:budgets/budget:Budget": ("budgets:ModifyBudget", f"arn:aws:budgets::{ACCOUNT}:budget/"),
    }
    seen = set()
    for each in asked:
        if each.kind in places:
            action, place = places[each.kind]
            name = place + each.inputs["name"]
            patterns = [pattern for statement in granted if action in statement["Action"] for pattern in statement["Resource"]]
            assert any(fnmatchcase(name, pattern) for pattern in patterns), name
            seen.add(each.kind)
    assert seen == set(places)
