"""The rules about who may do what: callers, roles, secrets. One test each, over all specs of the harness."""

from __future__ import annotations

import json
import re
from pathlib import Path

import gcp_harness as harness
import pytest
from gcp_over_specs import EVERY, IMAGES, OWN_ACCOUNT, PROJECT_ROLES, everything, grants, run

# who may call


@EVERY
def test_everybody_may_call_only_where_the_spec_says_so(name: str, tmp_path: Path) -> None:
    access = harness.planned(name, tmp_path).access
    open_grants = [each for each in grants(name, tmp_path) if each.inputs["member"] in ("allUsers", "allAuthenticatedUsers")]
    assert [each.inputs["role"] for each in open_grants] == ([] if access == "private" else ["roles/run.invoker"])


def test_private_is_the_default_and_lets_nobody_in(tmp_path: Path) -> None:
    _, service = harness.stacks("plain", tmp_path)
    assert service.of("serviceIamMember:ServiceIamMember") == ()
    assert service.outputs["visibility"].startswith("private")


def test_private_lets_in_whom_the_spec_lists_and_nobody_else(tmp_path: Path) -> None:
    _, service = harness.stacks("callers", tmp_path)
    members = {each.inputs["member"] for each in service.of("serviceIamMember:ServiceIamMember")}
    assert members == {"user:ann@example.com", "serviceAccount:ci@shop-1.iam.gserviceaccount.com"}


@IMAGES
def test_googles_own_check_is_never_switched_off(name: str, tmp_path: Path) -> None:
    assert not run(name, tmp_path).get("invokerIamDisabled")


# least privilege


@EVERY
def test_no_role_is_basic_or_an_admins(name: str, tmp_path: Path) -> None:
    for each in grants(name, tmp_path):
        assert re.fullmatch(r"roles/[a-z]+\.[A-Za-z]+", each.inputs["role"]), each
        assert not re.search(r"(?i)admin|editor|owner", each.inputs["role"]), each


@EVERY
def test_project_wide_roles_are_the_few_that_cannot_be_narrower(name: str, tmp_path: Path) -> None:
    wide = [each for each in grants(name, tmp_path) if each.token == "gcp:projects/iAMMember:IAMMember"]
    assert {each.inputs["role"] for each in wide} <= PROJECT_ROLES
    for each in wide:
        if each.inputs["role"] == "roles/storage.objectViewer":
            assert each.inputs["condition"]["expression"] == 'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-")'


def test_a_plain_deployment_has_no_project_wide_role(tmp_path: Path) -> None:
    assert [each for each in grants("plain", tmp_path) if each.token == "gcp:projects/iAMMember:IAMMember"] == []


@EVERY
def test_what_runs_has_an_account_of_its_own(name: str, tmp_path: Path) -> None:
    for each in everything(name, tmp_path):
        found = each.inputs.get("template", {}).get("serviceAccount") or each.inputs.get("serviceConfig", {}).get(
            "serviceAccountEmail"
        )
        if found and name != "no-project":
            assert OWN_ACCOUNT.match(f"serviceAccount:{found}")
            assert "-run-" in found


@EVERY
def test_the_runtimes_account_may_read_its_secrets_and_its_bucket_only(name: str, tmp_path: Path) -> None:
    allowed = {"roles/secretmanager.secretAccessor", "roles/storage.objectViewer", "roles/storage.objectUser"}
    for each in grants(name, tmp_path):
        if "-run-" in each.inputs["member"]:
            assert each.inputs["role"] in allowed
            assert each.token != "gcp:projects/iAMMember:IAMMember"


def test_answers_may_be_written_below_their_prefix_only(tmp_path: Path) -> None:
    found = [each for each in grants("events", tmp_path) if each.inputs["role"] == "roles/storage.objectUser"]
    assert [(each.inputs["bucket"], each.inputs["condition"]["expression"]) for each in found] == [
        ("answers", 'resource.name.startsWith("projects/_/buckets/answers/objects/out/")')
    ]


def test_the_agents_grant_outlives_the_deployment(tmp_path: Path) -> None:
    """Other triggers of the project need it; `retain_on_delete` is in the program's text, which the mocks do not record."""
    text = (Path(harness.__file__).parents[3] / "mldeploy/providers/gcp/program/events.py").read_text()
    assert "opts=pulumi.ResourceOptions(retain_on_delete=True)" in text
    publishers = [each for each in grants("events", tmp_path) if each.inputs["role"] == "roles/pubsub.publisher"]
    agent = "serviceAccount:service-123@gs-project-accounts.iam.gserviceaccount.com"
    assert [each.inputs["member"] for each in publishers] == [agent]


# secrets


@EVERY
def test_no_value_of_a_secret_is_declared(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "the-value-that-must-not-leak")
    found = everything(name, tmp_path)
    assert not [each for each in found if "secretVersion" in each.token]
    assert "must-not-leak" not in json.dumps([each.inputs for each in found], default=str)


def test_secrets_are_references_and_each_has_its_reader(tmp_path: Path) -> None:
    registry, service = harness.stacks("key", tmp_path)
    envs = service.of("cloudrunv2/service:Service")[0].inputs["template"]["containers"][0]["envs"]
    refs = {env["name"]: env["valueSource"]["secretKeyRef"] for env in envs if "valueSource" in env}
    assert set(refs) == {"MLDEPLOY_API_KEY", "DB_TOKEN", "SHARED", "OWN"}
    assert refs["SHARED"] == {"secret": "projects/vault-1/secrets/shared", "version": "3"}
    assert refs["OWN"] == {"secret": "projects/shop-1/secrets/own", "version": "latest"}
    readers = {(each.inputs["project"], each.inputs["secretId"]) for each in registry.of("secretIamMember:SecretIamMember")}
    assert readers == {tuple(ref["secret"].split("/")[1::2]) for ref in refs.values()}
    assert all("value" not in env for env in envs if "valueSource" in env)


def test_a_secret_stays_in_the_region(tmp_path: Path) -> None:
    registry, _ = harness.stacks("key", tmp_path)
    for secret in registry.of("secret:Secret"):
        assert secret.inputs["replication"] == {"userManaged": {"replicas": [{"location": "europe-west1"}]}}
        assert secret.inputs["deletionProtection"] is False
