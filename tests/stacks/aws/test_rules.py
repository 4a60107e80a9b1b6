"""Rules that hold for every stack of AWS, each over all specs: least privilege, private unless asked, digests, tags, names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from aws_stack import ACCOUNT, MINIMAL, SPECS, Resource, Stack

Deployed = Callable[..., tuple[Stack, Stack]]
IS_OPEN = {"public", "key", "http_api_key"}
# Kinds of AWS that take no tags, or are a part of one that does.
UNTAGGED = {
    *("aws:ecr/lifecyclePolicy:LifecyclePolicy", "aws:iam/rolePolicy:RolePolicy", "aws:lambda/alias:Alias"),
    *("aws:lambda/functionUrl:FunctionUrl", "aws:lambda/permission:Permission", "aws:s3/bucketNotification:BucketNotification"),
    *("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig", "aws:scheduler/schedule:Schedule"),
    *("aws:apigatewayv2/integration:Integration", "aws:apigatewayv2/route:Route"),
    "aws:sns/topicSubscription:TopicSubscription",
}


@pytest.fixture(params=[*SPECS, "minimal prod"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stacks(name: str, deployed: Deployed) -> tuple[Stack, Stack]:
    if name == "minimal prod":
        return deployed(MINIMAL + "stages: {prod: {resources: {memory_mb: 512}}}\n", "prod")
    return deployed(SPECS[name])


@pytest.fixture
def service(stacks: tuple[Stack, Stack]) -> Stack:
    return stacks[1]


def statements(stack: Stack) -> Iterator[Mapping[str, Any]]:
    for policy in stack.of("iam/rolePolicy:RolePolicy"):
        yield from json.loads(policy.inputs["policy"])["Statement"]


def test_no_statement_has_a_wildcard(service: Stack) -> None:
    found = list(statements(service))
    assert found
    for statement in found:
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Sid"] == "Trace":
            continue  # X-Ray knows no resources
        for resource in statement["Resource"]:
            partition, kind, rest = resource.split(":", 3)[1:]
            assert partition == "aws"
            # A star may only stand at the end, behind something that names this deployment or the user's own bucket.
            assert "*" not in resource.rstrip("*")
            assert rest.strip(":*/"), f"{kind} is granted as a whole"


def test_the_role_logs_to_its_own_group_and_makes_none(service: Stack) -> None:
    (log,) = [statement for statement in statements(service) if statement["Sid"] == "Log"]
    group = service.only("cloudwatch/logGroup:LogGroup")
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert [resource.split(":log-group:")[1] for resource in log["Resource"]] == [f"{group['name']}:*"]
    assert group["name"] == f"/aws/lambda/{service.only('lambda/function:Function')['name']}"
    assert group["retentionInDays"] > 0


def test_a_role_is_taken_on_by_one_service(service: Stack) -> None:
    for role in service.of("iam/role:Role"):
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        service_name = "scheduler" if role.name == "schedule-role" else "lambda"
        assert statement["Principal"] == {"Service": f"{service_name}.amazonaws.com"}


def test_it_is_private_unless_asked(name: str, service: Stack) -> None:
    anyone = [each.inputs for each in service.of("lambda/permission:Permission") if each.inputs["principal"] == "*"]
    urls = [each.inputs["authorizationType"] for each in service.of("lambda/functionUrl:FunctionUrl")]
    routes = [each.inputs["authorizationType"] for each in service.of("apigatewayv2/route:Route")]
    if name in IS_OPEN:
        assert [*urls, *routes] == ["NONE"]
    else:
        assert anyone == []
        assert {*urls, *routes} <= {"AWS_IAM"}


def test_an_open_url_has_both_permissions_of_october_2025(name: str, service: Stack) -> None:
    anyone = [each.inputs for each in service.of("lambda/permission:Permission") if each.inputs["principal"] == "*"]
    if name not in ("public", "key"):
        assert anyone == []
        return
    by_url, by_invoke = sorted(anyone, key=lambda each: each["action"], reverse=True)
    assert (by_url["action"], by_url["functionUrlAuthType"]) == ("lambda:InvokeFunctionUrl", "NONE")
    assert (by_invoke["action"], by_invoke["invokedViaFunctionUrl"]) == ("lambda:InvokeFunction", True)
    assert {each["qualifier"] for each in anyone} == {"live"}


def test_a_permission_names_who_it_is_for(service: Stack) -> None:
    for permission in (each.inputs for each in service.of("lambda/permission:Permission")):
        assert permission["qualifier"] == "live"
        if permission["principal"] == "s3.amazonaws.com":
            assert (permission["sourceArn"], permission["sourceAccount"]) == ("arn:aws:s3:::photos", ACCOUNT)
        elif permission["principal"] != "*":
            assert permission["sourceArn"].startswith(f"arn:aws:execute-api:eu-central-1:{ACCOUNT}:api1/")


def test_everything_is_tagged(stacks: tuple[Stack, Stack]) -> None:
    for resource in (each for stack in stacks for each in stack.resources if each.kind.startswith("aws:")):
        if resource.kind in UNTAGGED:
            assert "tags" not in resource.inputs
            continue
        tags = resource.inputs["tags"]
        assert (tags["tool"], tags["model"], tags["fingerprint"]) == ("mldeploy", "digits", "ab" * 6)
        assert tags["stage"] in ("dev", "prod")
        assert tags["deployment"] == f"digits-{tags['stage']}"


def test_the_image_is_pinned_by_its_digest(service: Stack) -> None:
    function = service.only("lambda/function:Function")
    assert "@sha256:" in function["imageUri"]
    assert function["packageType"] == "Image"
    assert function["publish"] is True
    assert "handler" not in function
    assert "runtime" not in function


def test_the_registry_never_expires_a_release(stacks: tuple[Stack, Stack]) -> None:
    registry = stacks[0]
    repository = registry.only("ecr/repository:Repository")
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["forceDelete"] is True
    rules = json.loads(registry.only("ecr/lifecyclePolicy:LifecyclePolicy")["policy"])["rules"]
    assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged"]


def test_no_value_of_a_secret_passes_the_engine(name: str, stacks: tuple[Stack, Stack]) -> None:
    registry, service = stacks
    kinds = {resource.kind for stack in stacks for resource in stack.resources}
    assert "aws:secretsmanager/secretVersion:SecretVersion" not in kinds
    secrets = registry.of("secretsmanager/secret:Secret")
    variables = service.only("lambda/function:Function")["environment"]["variables"]
    if name in ("everything", "key", "http_api_key"):
        (secret,) = secrets
        assert secret.inputs["recoveryWindowInDays"] == 0
        assert variables["MLDEPLOY_SECRETS_ARN"] == secret.inputs["name"]
        (statement,) = [each for each in statements(service) if each["Sid"] == "Secrets"]
        assert statement["Action"] == ["secretsmanager:GetSecretValue"]
        own = [each for each in statement["Resource"] if each.endswith(f":secret:{secret.inputs['name']}-??????")]
        assert len(own) == 1
    else:
        assert secrets == []
        assert "MLDEPLOY_SECRETS_ARN" not in variables
        assert "Secrets" not in [each["Sid"] for each in statements(service)]
    assert not {"DB_TOKEN", "TEAM_TOKEN", "MLDEPLOY_API_KEY"} & set(variables)


def test_names_are_legal_and_no_two_are_the_same(stacks: tuple[Stack, Stack]) -> None:
    named = [each for stack in stacks for each in stack.resources if "name" in each.inputs and _is_named(each)]
    assert named
    for resource in named:
        assert len(resource.inputs["name"]) <= 64
        assert resource.inputs["name"].startswith(("digits-", "/aws/lambda/digits-"))
    by_kind = [(each.kind, each.inputs["name"]) for each in named]
    assert len(set(by_kind)) == len(by_kind)


def _is_named(resource: Resource) -> bool:
    """Alias and stage have names of their own."""
    return resource.kind not in ("aws:lambda/alias:Alias", "aws:apigatewayv2/stage:Stage")


def test_lambda_waits_longer_than_the_runtime(service: Stack) -> None:
    function = service.only("lambda/function:Function")
    variables = function["environment"]["variables"]
    assert float(variables["MLDEPLOY_TIMEOUT_S"]) < function["timeout"] <= 900
    assert variables["MLDEPLOY_CONCURRENCY"] == "1"


def test_the_alias_is_what_everything_points_to(service: Stack) -> None:
    assert service.outputs["alias"] == "live"
    for url in service.of("lambda/functionUrl:FunctionUrl"):
        assert url.inputs["qualifier"] == "live"
    for kind, key in (
        ("scheduler/schedule:Schedule", "target"),
        ("s3/bucketNotification:BucketNotification", "lambdaFunctions"),
    ):
        for each in service.of(kind):
            assert ":function:digits-dev:live" in json.dumps(each.inputs[key])


def test_outputs_are_what_the_stack_driver_reads(stacks: tuple[Stack, Stack]) -> None:
    registry, service = stacks
    assert registry.outputs["repository"].endswith(registry.only("ecr/repository:Repository")["name"])
    assert service.outputs["url"].startswith("https://")
    assert service.outputs["release"] == service.outputs["candidate"] == "0123456789ab"
    assert service.outputs["version"] == service.outputs["candidate_version"] == "7"
    assert service.outputs["visibility"]
    assert json.loads(json.dumps({**registry.outputs, **service.outputs}))


def test_a_new_release_is_exported_and_the_old_one_keeps_serving(deployed: Deployed) -> None:
    _, service = deployed(SPECS["minimal"], live="fedcba987654")
    assert (service.outputs["release"], service.outputs["candidate"]) == ("fedcba987654", "0123456789ab")
    variables = service.only("lambda/function:Function")["environment"]["variables"]
    assert variables["MLDEPLOY_RELEASE"] == "0123456789ab"


def test_the_function_may_touch_the_objects_of_its_trigger_only(deployed: Deployed) -> None:
    _, service = deployed(SPECS["everything"])
    by_sid = {statement["Sid"]: statement for statement in statements(service) if "Sid" in statement}
    assert by_sid["ReadObjects"]["Resource"] == ["arn:aws:s3:::photos/in/*"]
    assert by_sid["WriteResults"]["Resource"] == ["arn:aws:s3:::answers/digits/*"]
    assert set(by_sid) == {"Log", "Secrets", "ReadObjects", "WriteResults", "Trace", "Invoke"}
    _, plain = deployed(SPECS["minimal"])
    assert {statement["Sid"] for statement in statements(plain)} == {"Log"}


def test_sizes_and_capacity_are_the_specs(deployed: Deployed) -> None:
    _, service = deployed(SPECS["everything"])
    function = service.only("lambda/function:Function")
    assert function["architectures"] == ["arm64"]
    assert (function["memorySize"], function["ephemeralStorage"]) == (3008, {"size": 2048})
    assert function["reservedConcurrentExecutions"] == 7
    warm = service.only("lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig")
    assert (warm["qualifier"], warm["provisionedConcurrentExecutions"]) == ("live", 2)
    _, plain = deployed(SPECS["minimal"])
    assert plain.only("lambda/function:Function")["reservedConcurrentExecutions"] == -1
    assert plain.of("lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig") == []


def test_alarms_ring_for_what_was_asked_and_tell_by_mail(deployed: Deployed) -> None:
    _, service = deployed(SPECS["everything"])
    alarms = {each.name: each.inputs for each in service.of("cloudwatch/metricAlarm:MetricAlarm")}
    assert {name: alarm["threshold"] for name, alarm in alarms.items()} == {
        "alarm-errors": 3,
        "alarm-answers": 3,
        "alarm-throttles": 2,
        "alarm-p95": 250,
    }
    assert alarms["alarm-p95"]["extendedStatistic"] == "p95"
    assert "statistic" not in alarms["alarm-p95"]
    topic = service.only("sns/topic:Topic")["name"]
    assert all(alarm["alarmActions"][0].endswith(topic) for alarm in alarms.values())
    assert service.only("sns/topicSubscription:TopicSubscription")["endpoint"] == "ops@example.com"
    budget = service.only("budgets/budget:Budget")
    assert budget["costFilters"] == [{"name": "TagKeyValue", "values": ["user:deployment$digits-dev"]}]
    assert [notice["threshold"] for notice in budget["notifications"]] == [80, 100]
    assert budget["limitAmount"] == "20"
    _, quiet = deployed(SPECS["alarms"])
    assert quiet.of("sns/topic:Topic") == []
    assert "alarmActions" not in quiet.named("alarm-errors") or quiet.named("alarm-errors")["alarmActions"] == []
    assert {each.name for each in quiet.of("cloudwatch/metricAlarm:MetricAlarm")} == {
        *("alarm-errors", "alarm-answers", "alarm-throttles")
    }


def test_the_bucket_may_invoke_before_it_is_told_to(deployed: Deployed) -> None:
    _, service = deployed(SPECS["trigger"])
    order = [resource.name for resource in service.resources]
    assert order.index("trigger-permission") < order.index("trigger")
    assert order.index("log-group") < order.index("function")
    assert order.index("role-policy") < order.index("function")
