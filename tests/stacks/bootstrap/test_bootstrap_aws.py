"""What bootstrapping AWS makes: who is trusted, what the deployer may do, how the state is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bootstrap_harness as harness

from mldeploy.iam.trust import Trust
from mldeploy.providers.aws import iam

GITHUB = "token.actions.githubusercontent.com"


def statements(policy: str) -> list[dict[str, Any]]:
    return list(json.loads(policy)["Statement"])


def test_only_named_environments_of_one_repository_are_trusted(tmp_path: Path) -> None:
    stack, _ = harness.run("aws", tmp_path)
    assert stack.only("aws:iam/openIdConnectProvider:OpenIdConnectProvider")["clientIdLists"] == ["sts.amazonaws.com"]
    (statement,) = statements(stack.only("aws:iam/role:Role")["assumeRolePolicy"])
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": "arn-of-github"}
    assert statement["Condition"] == {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com", f"{GITHUB}:sub": harness.SUBJECTS}}


def test_an_account_that_trusts_github_gets_no_second_provider(tmp_path: Path) -> None:
    stack, _ = harness.run("aws", tmp_path, Trust(harness.REPOSITORY, ("prod",), has_provider=True))
    assert stack.of("aws:iam/openIdConnectProvider:OpenIdConnectProvider") == []
    (statement,) = statements(stack.only("aws:iam/role:Role")["assumeRolePolicy"])
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::{harness.ACCOUNT}:oidc-provider/{GITHUB}"}


def test_the_deployer_may_what_iam_prints_and_use_its_state(tmp_path: Path) -> None:
    stack, _ = harness.run("aws", tmp_path)
    printed = harness.policy_of("aws", harness.planned("aws", tmp_path)).documents[iam.FILE]
    assert json.loads(stack.named("deploy-policy")["policy"]) == printed
    for statement in statements(stack.named("state-policy")["policy"]):
        assert not [action for action in statement["Action"] if "*" in action]
        assert statement["Resource"].startswith(("arn-of-state", "arn-of-key"))


def test_the_deployer_may_not_change_itself(tmp_path: Path) -> None:
    stack, document = harness.run("aws", tmp_path)
    own = f":role/{document['role']}"
    for part in ("deploy-policy", "state-policy"):
        for statement in statements(stack.named(part)["policy"]):
            assert not [resource for resource in statement["Resource"] if str(resource).endswith((own, ":role/*"))]


def test_both_policies_fit_into_a_role(tmp_path: Path) -> None:
    stack, _ = harness.run("aws", tmp_path, is_whole=True)
    assert sum(len(each["policy"]) for each in stack.of("aws:iam/rolePolicy:RolePolicy")) < iam.MAX_CHARS


def test_the_state_has_versions_is_encrypted_and_closed(tmp_path: Path) -> None:
    stack, document = harness.run("aws", tmp_path)
    assert document["bucket"].startswith("digits-dev-state-")
    assert stack.only("aws:s3/bucketVersioning:BucketVersioning")["versioningConfiguration"] == {"status": "Enabled"}
    encryption = stack.only("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
    by_default = encryption["rules"][0]["applyServerSideEncryptionByDefault"]
    assert by_default == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "arn-of-key"}
    closed = stack.only("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    assert [value for key, value in closed.items() if key != "bucket"] == [True] * 4
    (denied,) = statements(stack.only("aws:s3/bucketPolicy:BucketPolicy")["policy"])
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert stack.only("aws:kms/key:Key")["enableKeyRotation"] is True


def test_the_outputs_are_the_variables_of_a_workflow(tmp_path: Path) -> None:
    stack, document = harness.run("aws", tmp_path)
    assert stack.outputs == {
        "AWS_ROLE_ARN": "arn-of-deployer",
        "MLDEPLOY_STATE_AWS": f"s3://{document['bucket']}?region=eu-central-1",
        "MLDEPLOY_SECRETS_PROVIDER_AWS": f"awskms://{document['key_alias']}?region=eu-central-1",
    }
