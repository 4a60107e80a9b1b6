"""What the stack driver asks of AWS, against moto (a stand-in for AWS over real HTTP; botocore is the real one)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mldeploy.errors import DeployError, ProviderError
from mldeploy.plan import Plan
from mldeploy.providers.aws import checks, ids, logs
from mldeploy.providers.aws.client import Clients
from mldeploy.providers.aws.cloud import AwsCloud
from mldeploy.providers.contract import Finding

ACCOUNT = "123456789012"
REGION = "clouds: {aws: {region: eu-central-1%s}}\n"
Client = Callable[[str], Any]


@pytest.fixture
def cloud(moto: str) -> AwsCloud:
    return AwsCloud(moto)


@pytest.fixture
def document(planned: Callable[..., Plan]) -> Callable[..., dict[str, Any]]:
    return lambda text="", more="": dict(planned(text + REGION % more).program)


def role(client: Client, name: str) -> str:
    return str(client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"])


def function(client: Client, found: dict[str, Any]) -> None:
    code = {"ImageUri": f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/x@sha256:{'a' * 64}"}
    names = found["names"]
    client("lambda").create_function(
        FunctionName=names["function"], PackageType="Image", Code=code, Role=role(client, names["role"]), Publish=True
    )
    client("lambda").create_alias(FunctionName=names["function"], Name="live", FunctionVersion="1")


# ── who is asking ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_credentials_of_another_account_are_refused(cloud: AwsCloud, document: Callable[..., dict[str, Any]]) -> None:
    cloud.verify(document())
    cloud.verify(document("", f", account: '{ACCOUNT}'"))
    with pytest.raises(ProviderError, match=f"of the account {ACCOUNT}, and clouds.aws.account says 999999999999"):
        cloud.verify(document("", ", account: '999999999999'"))


def test_no_credentials_are_said(
    cloud: AwsCloud, document: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(ProviderError, match="cannot be used in eu-central-1: there are no AWS credentials"):
        cloud.verify(document())
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ProviderError, match="there are no AWS credentials"):
        AwsCloud("http://127.0.0.1:1").verify(document())


def test_an_unreachable_region_is_said(moto: str, document: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ProviderError, match="AWS does not answer") as caught:
        AwsCloud("http://127.0.0.1:9").verify(document())
    assert "clouds.aws.region" in (caught.value.hint or "")


def test_a_bucket_with_other_notifications_is_refused(
    cloud: AwsCloud, document: Callable[..., dict[str, Any]], client: Client
) -> None:
    found = document("", ", trigger: {bucket: photos, suffix: .jpg}")
    cloud.verify(found)  # no such bucket: the engine says so, and destroy must go on
    client("s3").create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    cloud.verify(found)
    function(client, found)
    arn = client("lambda").get_function(FunctionName="digits-dev")["Configuration"]["FunctionArn"]

    def notify(*names: str) -> None:
        rows = [
            {"Id": name, "LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": _suffix(name)} for name in names
        ]
        client("s3").put_bucket_notification_configuration(
            Bucket="photos", NotificationConfiguration={"LambdaFunctionConfigurations": rows}
        )

    notify("digits-dev")
    cloud.verify(found)
    notify("digits-dev", "thumbnails")
    with pytest.raises(ProviderError, match=r"notifications of somebody else \(thumbnails\)"):
        cloud.verify(found)


def _suffix(name: str) -> dict[str, Any]:
    return {"Key": {"FilterRules": [{"Name": "suffix", "Value": f".{name}"}]}}


def test_the_registry_gives_a_login(cloud: AwsCloud, document: Callable[..., dict[str, Any]]) -> None:
    login = cloud.login(document(), {})
    assert login.username == "AWS"
    assert login.password


def test_the_engine_is_told_the_region(cloud: AwsCloud, document: Callable[..., dict[str, Any]]) -> None:
    assert cloud.config(document()) == {"aws:region": "eu-central-1"}
    guarded = cloud.config(document("", f", account: '{ACCOUNT}'"))
    assert json.loads(guarded["aws:allowedAccountIds"]) == [ACCOUNT]


def test_doctor_tells_who_is_asking(moto: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    def found() -> dict[str, Finding]:
        return {finding.title: finding for finding in checks.account()}

    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    assert found()["credentials"].is_ok
    assert f"account {ACCOUNT}" in found()["credentials"].message
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    finding = found()["credentials"]
    assert not finding.is_ok
    assert "aws configure" in finding.remedy


def test_doctor_names_the_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.packages().is_ok
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "pulumi_aws" else object())
    finding = checks.packages()
    assert (finding.is_ok, finding.message) == (False, "missing: pulumi-aws")
    assert finding.remedy == "pip install 'mldeploy[aws]'"


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_secrets_are_stored_where_one_differs(cloud: AwsCloud, document: Callable[..., dict[str, Any]], client: Client) -> None:
    found = document("access: key\nsecrets: {A: env:A, B: env:B}\n")
    name = found["names"]["secret"]
    outputs = {"secret": client("secretsmanager").create_secret(Name=name)["ARN"]}
    assert cloud.read_key(found, outputs) == ""
    cloud.store_secrets(found, outputs, {"A": "1", "B": "2", "MLDEPLOY_API_KEY": "k"})
    assert cloud.read_key(found, outputs) == "k"
    cloud.store_secrets(found, outputs, {"A": "1", "B": "2"})

    def versions() -> int:
        return len(client("secretsmanager").list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"])

    once = versions()
    cloud.store_secrets(found, outputs, {"A": "1", "B": "2"})
    assert versions() == once
    without_b = document("access: key\nsecrets: {A: env:A}\n")
    cloud.store_secrets(without_b, outputs, {"A": "3"})
    stored = json.loads(client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
    assert stored == {"A": "3", "MLDEPLOY_API_KEY": "k"}
    client("secretsmanager").put_secret_value(SecretId=name, SecretString="not json")
    with pytest.raises(DeployError, match="is not a JSON object") as caught:
        cloud.read_key(found, outputs)
    assert "not json" not in str(caught.value)


def test_the_users_own_key_is_read_from_its_secret(
    cloud: AwsCloud, document: Callable[..., dict[str, Any]], client: Client
) -> None:
    arn = client("secretsmanager").create_secret(Name="team/key", SecretString="theirs")["ARN"]
    found = document(f"access: key\nsecrets: {{MLDEPLOY_API_KEY: '{arn}'}}\n")
    assert cloud.read_key(found, {}) == "theirs"
    endpoint = cloud.endpoint(found, {"url": "https://x/", "function": "f", "alias": "live"}, is_candidate=False)
    assert endpoint.headers == {"authorization": "Bearer theirs"}


# ── state of the service ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_health_is_lambdas_word(cloud: AwsCloud, document: Callable[..., dict[str, Any]], client: Client) -> None:
    found = document()
    assert cloud.health(found, {"alias": "live"}).state == "absent"
    function(client, found)
    health = cloud.health(found, {"alias": "live"})
    assert health.state == "serving"
    assert health.detail.startswith("version 1")


# ── logs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

GROUP = "/aws/lambda/digits-dev"


@pytest.fixture
def log(client: Client) -> Callable[..., None]:
    """Writes (seconds ago, message) into two streams, as two environments do."""
    import time

    api = client("logs")
    api.create_log_group(logGroupName=GROUP)
    for stream in ("a", "b"):
        api.create_log_stream(logGroupName=GROUP, logStreamName=stream)

    def write(*events: tuple[float, str], stream: str = "a") -> None:
        rows = [{"timestamp": int((time.time() - ago_s) * 1000), "message": text} for ago_s, text in events]
        api.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=rows)

    return write


def read(clients: Clients, **asked: Any) -> list[str]:
    given = {"follow": False, "since_s": None, "tail": None, **asked}
    return list(logs.lines(clients, GROUP, **given))


def test_lines_come_as_they_were_written(clients: Clients, log: Callable[..., None]) -> None:
    log((7200, "START RequestId: 1 Version: 3\n"), (60, '{"level":"info"}\n{"level":"warn"}\n'), (5, "REPORT x\n"))
    log((30, "from b"), stream="b")
    assert read(clients) == ["START RequestId: 1 Version: 3", '{"level":"info"}', '{"level":"warn"}', "from b", "REPORT x"]
    assert read(clients, since_s=45) == ["from b", "REPORT x"]
    assert read(clients, tail=2) == ["from b", "REPORT x"]
    assert read(clients, tail=0) == []
    assert read(clients, tail=4)[0] == "START RequestId: 1 Version: 3"


def test_following_tells_each_line_once(clients: Clients, log: Callable[..., None]) -> None:
    log((20, "first"))
    rounds: Iterator[tuple[tuple[float, str], ...]] = iter([((19, "late"), (1, "second")), (), ((0, "third"),)])

    def sleep(_: float) -> None:
        events = next(rounds)
        if events:
            log(*events)

    found = logs.lines(clients, GROUP, follow=True, since_s=None, tail=10, sleep=sleep)
    assert [next(found) for _ in range(4)] == ["first", "late", "second", "third"]


def test_no_log_is_said(clients: Clients) -> None:
    with pytest.raises(DeployError, match="there is no log"):
        read(clients)


# ── what is left, and what a killed update left ─────────────────────────────────────────────────────────────────────────

FULL = (
    "secrets: {A: env:A}\nclouds:\n  aws:\n    region: eu-central-1\n    endpoint: http_api\n"
    "    trigger: {bucket: photos, suffix: .jpg}\n    schedule: {cron: '0 6 * * *', inputs: [1]}\n"
    "    alarms: {email: a@example.com}\n    budget: {monthly_usd: 5, email: a@example.com}\n"
)


@pytest.fixture
def everything(planned: Callable[..., Plan], client: Client) -> dict[str, Any]:
    """One of each in the account, under the deployment's names."""
    found = dict(planned(FULL).program)
    names = found["names"]
    function(client, found)
    role(client, names["schedule_role"])
    client("ecr").create_repository(repositoryName=names["repository"])
    client("logs").create_log_group(logGroupName=names["log_group"])
    client("secretsmanager").create_secret(Name=names["secret"])
    client("apigatewayv2").create_api(Name=names["api"], ProtocolType="HTTP")
    client("sns").create_topic(Name=names["topic"])
    client("cloudwatch").put_metric_alarm(
        AlarmName=names["alarm_errors"], ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, MetricName="Errors",
        Namespace="AWS/Lambda", Period=300, Statistic="Sum", Threshold=1,
    )  # fmt: skip
    client("scheduler").create_schedule(
        Name=names["schedule"], ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:x", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/x"},
    )  # fmt: skip
    budget = {
        "BudgetName": names["budget"],
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "5", "Unit": "USD"},
    }
    client("budgets").create_budget(AccountId=ACCOUNT, Budget=budget)
    client("s3").create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    arn = client("lambda").get_function(FunctionName=names["function"])["Configuration"]["FunctionArn"]
    row = {"Id": names["function"], "LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    client("s3").put_bucket_notification_configuration(
        Bucket="photos", NotificationConfiguration={"LambdaFunctionConfigurations": [row]}
    )
    return found


def test_everything_that_is_left_is_told(cloud: AwsCloud, everything: dict[str, Any], client: Client) -> None:
    titles = [
        *("Lambda function", "ECR repository", "IAM role", "log group", "secret", "HTTP API"),
        *("notification of the bucket", "schedule", "IAM role of the schedule", "alarms", "SNS topic", "budget"),
    ]
    found = list(cloud.residue(everything))
    assert len(found) == len(titles), found
    assert all(line.startswith(title) for line, title in zip(found, titles, strict=True)), found
    client("secretsmanager").delete_secret(SecretId=everything["names"]["secret"], ForceDeleteWithoutRecovery=True)
    client("lambda").delete_function(FunctionName="digits-dev")
    assert not {"secret", "Lambda"} & {line.split()[0] for line in cloud.residue(everything)}


def test_nothing_left_is_nothing(cloud: AwsCloud, planned: Callable[..., Plan]) -> None:
    assert list(cloud.residue(planned(FULL).program)) == []


def test_a_stranger_with_our_tags_is_told(cloud: AwsCloud, document: Callable[..., dict[str, Any]], client: Client) -> None:
    found = document()
    tags = [{"Key": key, "Value": found["tags"][key]} for key in ("tool", "deployment")]
    client("sns").create_topic(Name="by-hand", Tags=tags)
    (line,) = cloud.residue(found)
    assert line == f"tagged resource arn:aws:sns:eu-central-1:{ACCOUNT}:by-hand"


@pytest.mark.parametrize(
    ("kind", "inputs", "wanted"),
    [
        ("aws:ecr/repository:Repository", {"name": "r"}, "r"),
        ("aws:ecr/lifecyclePolicy:LifecyclePolicy", {"repository": "r"}, "r"),
        ("aws:cloudwatch/logGroup:LogGroup", {"name": "/aws/lambda/f"}, "/aws/lambda/f"),
        ("aws:iam/role:Role", {"name": "r"}, "r"),
        ("aws:iam/rolePolicy:RolePolicy", {"name": "p", "role": "r"}, "r:p"),
        ("aws:lambda/function:Function", {"name": "f"}, "f"),
        ("aws:lambda/alias:Alias", {"functionName": "f", "name": "live"}, "f/live"),
        ("aws:lambda/functionUrl:FunctionUrl", {"functionName": "f", "qualifier": "live"}, "f/live"),
        ("aws:lambda/permission:Permission", {"function": "f", "qualifier": "live", "statementId": "s"}, "f:live/s"),
        ("aws:s3/bucketNotification:BucketNotification", {"bucket": "b"}, "b"),
        ("aws:scheduler/schedule:Schedule", {"name": "s"}, "default/s"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {"name": "a"}, "a"),
        ("aws:sns/topic:Topic", {"name": "t"}, f"arn:aws:sns:eu-central-1:{ACCOUNT}:t"),
        ("aws:budgets/budget:Budget", {"name": "b"}, f"{ACCOUNT}:b"),
        ("aws:secretsmanager/secret:Secret", {"name": "gone"}, "gone"),
        ("aws:apigatewayv2/api:Api", {"name": "gone"}, None),
        ("aws:lambda/alias:Alias", {"name": "live"}, None),
        ("aws:unheard/of:Thing", {"name": "x"}, None),
    ],
)
def test_ids_are_as_import_takes_them(clients: Clients, kind: str, inputs: dict[str, Any], wanted: str | None) -> None:
    assert ids.physical_id(clients, kind, inputs) == wanted


def test_ids_that_aws_gave_are_asked_for(clients: Clients, client: Client) -> None:
    arn = client("secretsmanager").create_secret(Name="s")["ARN"]
    assert ids.physical_id(clients, "aws:secretsmanager/secret:Secret", {"name": "s"}) == arn
    api = client("apigatewayv2").create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    assert ids.physical_id(clients, "aws:apigatewayv2/api:Api", {"name": "a"}) == api
    assert ids.physical_id(clients, "aws:apigatewayv2/route:Route", {"apiId": api}) is None
    route = client("apigatewayv2").create_route(ApiId=api, RouteKey="$default")["RouteId"]
    assert ids.physical_id(clients, "aws:apigatewayv2/route:Route", {"apiId": api}) == f"{api}/{route}"
    whole = client("apigatewayv2").create_integration(ApiId=api, IntegrationType="AWS_PROXY", PayloadFormatVersion="2.0")
    found = ids.physical_id(clients, "aws:apigatewayv2/integration:Integration", {"apiId": api})
    assert found == f"{api}/{whole['IntegrationId']}"
