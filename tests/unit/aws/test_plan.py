"""What the plan decides, and why: defaults, origins, the document of the programs, the image's recipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mldeploy.errors import SpecError
from mldeploy.plan import Plan

Planned = Callable[..., Plan]
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:team/token-AbC123"


def test_what_is_left_out_is_decided(planned: Planned) -> None:
    plan = planned()
    decided = {setting.key: setting.value for setting in plan.settings}
    assert decided["resources.memory_mb"] == 1769
    assert decided["resources.timeout_s"] == 30
    assert decided["resources.architecture"] == "x86_64"
    assert decided["clouds.aws.region"] == "us-east-1"
    assert decided["clouds.aws.provisioned_concurrency"] == 0
    assert decided["clouds.aws.reserved_concurrency"] is None
    assert {setting.origin for setting in plan.settings} == {"provider default"}
    assert plan.program["function"]["timeout_s"] == 60


@pytest.mark.parametrize(
    ("text", "runtime_s", "lambda_s"),
    [
        ("resources: {timeout_s: 0.5}", "0.5", 31),
        ("resources: {timeout_s: 880}", "880", 900),
        ("resources: {timeout_s: 900}", "899", 900),
        ("clouds: {aws: {endpoint: http_api}}", "29", 59),
    ],
)
def test_the_runtime_answers_before_lambda_ends_it(planned: Planned, text: str, runtime_s: str, lambda_s: int) -> None:
    plan = planned(text)
    assert plan.environment["MLDEPLOY_TIMEOUT_S"] == runtime_s
    assert plan.program["function"]["timeout_s"] == lambda_s


def test_instances_are_concurrency(planned: Planned) -> None:
    plan = planned("resources: {min_instances: 2, max_instances: 5}")
    assert plan.program["function"]["provisioned_concurrency"] == 2
    assert plan.program["function"]["reserved_concurrency"] == 5
    origin = next(setting.origin for setting in plan.settings if setting.key == "clouds.aws.provisioned_concurrency")
    assert origin.startswith("resources.min_instances (mldeploy.yaml:4")
    own = planned("resources: {min_instances: 2}\nclouds: {aws: {provisioned_concurrency: 0}}")
    assert own.program["function"]["provisioned_concurrency"] == 0


def test_secrets_are_references(planned: Planned, tmp_path: Path) -> None:
    plan = planned(f"access: key\nsecrets: {{A: env:A_B, B: file:b.txt, C: , D: '{ARN}'}}")
    assert plan.secrets == {
        "MLDEPLOY_API_KEY": "generated:key",
        "A": "env:A_B",
        "B": f"file:{tmp_path / 'b.txt'}",
        "C": "env:C",
        "D": ARN,
    }
    assert plan.program["secrets"] == {"managed": ["A", "B", "C", "MLDEPLOY_API_KEY"], "references": {"D": ARN}}
    assert plan.environment["MLDEPLOY_SECRETS_ARN"] == plan.program["names"]["secret"]
    assert json.loads(plan.environment["MLDEPLOY_SECRET_REFS"]) == {"D": ARN}


def test_an_own_key_needs_no_secret_of_ours(planned: Planned) -> None:
    plan = planned(f"access: key\nsecrets: {{MLDEPLOY_API_KEY: '{ARN}'}}")
    assert plan.program["secrets"]["managed"] == []
    assert "MLDEPLOY_SECRETS_ARN" not in plan.environment


def test_visibility_is_said(planned: Planned) -> None:
    def said(text: str) -> str:
        plan = planned(text)
        (endpoint,) = [resource for resource in plan.resources if resource.kind == "endpoint"]
        assert endpoint.detail == plan.program["visibility"]
        return endpoint.detail

    assert said("").startswith("private: callers sign")
    assert said("access: public").startswith("PUBLIC")
    assert "need the key" in said("access: key")
    assert said("clouds: {aws: {endpoint: none}}").startswith("private: no endpoint")


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("ap-southeast-2", "aws")]
)
def test_partitions(planned: Planned, region: str, partition: str) -> None:
    assert planned(f"clouds: {{aws: {{region: {region}}}}}").program["partition"] == partition


def test_names_differ_by_stage_and_of_accounts_by_region(planned: Planned) -> None:
    text = "stages: {prod: {}}\n"
    dev, prod = planned(text).program["names"], planned(text, "prod").program["names"]
    assert not set(dev.values()) & set(prod.values())
    other = planned("clouds: {aws: {region: eu-west-1}}").program["names"]
    assert (other["function"], other["secret"]) == (dev["function"], dev["secret"])
    assert other["role"] != dev["role"]


def test_the_recipe_is_lambdas(planned: Planned, tmp_path: Path) -> None:
    (tmp_path / "hook.lock").write_text("six==1.17.0 --hash=sha256:00\n")
    text = "resources: {architecture: arm64}\nimage: {engine: lean, max_mb: 300, requirements: hook.lock}"
    image = planned(text).image
    assert image is not None
    assert (image.architecture, image.python, image.engine, image.max_mb) == ("arm64", "3.13", "lean", 300)
    assert image.requirements == ("awslambdaric", "orjson")
    assert image.entrypoint == ("python3", "-P", "-m", "awslambdaric")
    assert image.command == ("mldeploy.providers.aws.entry.lambda_function.handler",)
    assert image.user_requirements.startswith("six==1.17.0")
    (tmp_path / "hook.lock").write_bytes(b"\xff")
    with pytest.raises(SpecError, match=r"hook.lock cannot be read"):
        planned(text)


def test_lines_for_people_name_every_resource(planned: Planned) -> None:
    text = (
        "access: private\nsecrets: {A: env:A}\nclouds:\n  aws:\n    trigger: {bucket: photos, suffix: .jpg}\n"
        "    schedule: {cron: '0 6 * * *', inputs: [1]}\n"
        "    alarms: {email: a@b.c}\n    budget: {monthly_usd: 5, email: a@b.c}\n"
    )
    kinds = [resource.kind for resource in planned(text).resources]
    assert kinds == [
        *("ECR repository", "secret", "IAM role", "log group", "Lambda function", "endpoint"),
        *("S3 notification", "schedule", "alarms", "budget"),
    ]
