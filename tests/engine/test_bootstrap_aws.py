"""Bootstrapping AWS on the real engine: the real AWS provider on a moto server, through the command line.

moto knows no GitHub: that the role lets a workflow in, and nobody else, is AWS's to decide. What is looked at is what is there.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
from engine_lab import found
from engine_lab.amazon import Amazon
from engine_lab.lab import Lab

ACCOUNT = "123456789012"  # moto's
ARGUMENTS = ("ci", "bootstrap", "--cloud", "aws", "--json", "--repository", "acme/doubler", "--environment", "prod")


@pytest.fixture
def cloud() -> str:
    """Only this one."""
    return "aws"


@pytest.fixture
def amazon(lab: Lab) -> Amazon:
    assert isinstance(lab.hands, Amazon)
    lab.write_spec(clouds={"aws": {**lab.clouds_block, "account": ACCOUNT}})
    return lab.hands


def bootstrapped(lab: Lab, *more: str, code: int = 0) -> Any:
    return json.loads(lab.run(*ARGUMENTS, *more, code=code).stdout)


def made(amazon: Amazon) -> dict[str, list[str]]:
    """What is in the account."""
    iam = amazon.client("iam")
    return {
        "buckets": [each["Name"] for each in amazon.client("s3").list_buckets()["Buckets"]],
        "roles": [each["RoleName"] for each in iam.list_roles()["Roles"]],
        "providers": [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]],
        "aliases": [each["AliasName"] for each in amazon.client("kms").list_aliases()["Aliases"]],
    }


def test_a_preview_makes_nothing_and_a_yes_makes_it_once(lab: Lab, amazon: Amazon) -> None:
    before = made(amazon)
    previewed = bootstrapped(lab, "--preview")
    assert {change["action"] for change in previewed["changes"]} == {"create"}
    assert previewed["variables"] is None
    assert made(amazon) == before
    refused = bootstrapped(lab, code=2)
    assert "-y" in refused["error"]["hint"]
    assert made(amazon) == before

    variables = bootstrapped(lab, "-y")["variables"]
    role = variables["AWS_ROLE_ARN"].rpartition("/")[2]
    bucket = variables["MLDEPLOY_STATE_AWS"].removeprefix("s3://").partition("?")[0]
    after = made(amazon)
    assert role in after["roles"]
    assert bucket in after["buckets"]
    assert len(after["providers"]) == len(before["providers"]) + 1
    _holds(amazon, role, bucket)

    again = bootstrapped(lab, "-y")
    assert {change["action"] for change in again["changes"]} == {"same"}
    assert again["variables"] == variables
    assert made(amazon) == after
    _is_taken_as_state(lab, amazon, variables, bucket)


def _holds(amazon: Amazon, role: str, bucket: str) -> None:
    """The trust, the policy and the bucket as AWS has them."""
    iam, s3 = amazon.client("iam"), amazon.client("s3")
    (trusted,) = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    subject = trusted["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    assert subject in ("repo:acme/doubler:environment:prod", ["repo:acme/doubler:environment:prod"])
    assert sorted(iam.list_role_policies(RoleName=role)["PolicyNames"]) == ["deploy", "state"]
    actions = json.dumps(iam.get_role_policy(RoleName=role, PolicyName="deploy")["PolicyDocument"])
    assert "lambda:CreateFunction" in actions
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())


def _is_taken_as_state(lab: Lab, amazon: Amazon, variables: dict[str, str], bucket: str) -> None:
    """What was made is a backend and a secrets provider that the engine takes: something is put there and read again."""
    amazon.client("s3").delete_bucket_policy(Bucket=bucket)  # it refuses what is not TLS, and moto speaks none
    endpoint = f"endpoint={amazon.url.removeprefix('http://')}&disableSSL=true&s3ForcePathStyle=true"
    variable, key = variables["MLDEPLOY_STATE_AWS"], variables["MLDEPLOY_SECRETS_PROVIDER_AWS"]
    where = {"PULUMI_BACKEND_URL": f"{variable}&{endpoint}", "MLDEPLOY_SECRETS_PROVIDER": key}
    lab.environment = {**lab.environment, **where}
    command = (found.engine(), "stack", "init", "organization/doubler/there", "--secrets-provider", key)
    folder = lab.project.parent / "state-there"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: doubler\nruntime: python\n")
    subprocess.run(command, cwd=folder, env={**os.environ, **lab.environment}, check=True, capture_output=True, timeout=60)
    keys = [each["Key"] for each in amazon.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(key.endswith("doubler/there.json") for key in keys)
    assert "encryptedkey" in (folder / "Pulumi.there.yaml").read_text()
