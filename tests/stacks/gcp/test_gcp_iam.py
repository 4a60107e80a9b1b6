"""The deployer's roles at Google Cloud, derived for every spec of this folder from what its programs declare under mocks."""

from __future__ import annotations

import re
from pathlib import Path

import gcp_harness as harness
import pytest

from mldeploy.errors import DeployError, SpecError
from mldeploy.iam.contract import Asked, Permitting, Policy
from mldeploy.iam.recording import recorded
from mldeploy.providers.gcp import iam
from mldeploy.providers.gcp.cloud import GcpCloud

PERMISSION = re.compile(r"^[a-z]+(\.[a-zA-Z]+){2}$")
SPECS = sorted(set(harness.SPECS) - {"no-project"})
# The verbs that Google's provider needs of what it makes, changes and removes; a role's member is a change of a policy.
VERBS = {"create", "get", "update", "delete"}
PLURAL = {
    "gcp:artifactregistry/repository:Repository": "artifactregistry.repositories",
    "gcp:secretmanager/secret:Secret": "secretmanager.secrets",
    "gcp:serviceaccount/account:Account": "iam.serviceAccounts",
    "gcp:cloudrunv2/service:Service": "run.services",
    "gcp:cloudfunctionsv2/function:Function": "cloudfunctions.functions",
    "gcp:storage/bucket:Bucket": "storage.buckets",
    "gcp:storage/bucketObject:BucketObject": "storage.objects",
    "gcp:eventarc/trigger:Trigger": "eventarc.triggers",
    "gcp:cloudscheduler/job:Job": "cloudscheduler.jobs",
    "gcp:monitoring/alertPolicy:AlertPolicy": "monitoring.alertPolicies",
    "gcp:monitoring/notificationChannel:NotificationChannel": "monitoring.notificationChannels",
    "gcp:billing/budget:Budget": "billing.budgets",
}
POLICIES = {
    "gcp:projects/iAMMember:IAMMember": "resourcemanager.projects",
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": "artifactregistry.repositories",
    "gcp:secretmanager/secretIamMember:SecretIamMember": "secretmanager.secrets",
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": "run.services",
    "gcp:storage/bucketIAMMember:BucketIAMMember": "storage.buckets",
}


def of(name: str, folder: Path) -> tuple[tuple[Asked, ...], Policy]:
    plan, cloud = harness.planned(name, folder), GcpCloud()
    asked = recorded(cloud, plan)
    assert isinstance(cloud, Permitting)
    return asked, cloud.deployer(plan.program, asked)


def everywhere(policy: Policy) -> set[str]:
    return {action for wide in policy.wide for action in wide.actions}


def plain(policy: Policy) -> set[str]:
    return set(policy.documents[iam.ROLES_FILE]["includedPermissions"])


def grants(policy: Policy) -> set[str]:
    return set(policy.documents.get(iam.GRANTS_FILE, {}).get("includedPermissions", ()))


@pytest.mark.parametrize("name", SPECS)
def test_every_declared_resource_may_be_made_changed_and_removed(name: str, tmp_path: Path) -> None:
    asked, policy = of(name, tmp_path)
    assert len(asked) > 8
    for each in asked:
        if each.kind in POLICIES:
            assert {f"{POLICIES[each.kind]}.{verb}" for verb in ("getIamPolicy", "setIamPolicy")} <= grants(policy)
        elif each.kind in PLURAL:
            assert {f"{PLURAL[each.kind]}.{verb}" for verb in VERBS} <= everywhere(policy), each.kind
        else:
            assert each.kind == "gcp:projects/service:Service"
            assert "serviceusage.services.enable" in plain(policy)


@pytest.mark.parametrize("name", SPECS)
def test_no_permission_is_a_wildcard(name: str, tmp_path: Path) -> None:
    _, policy = of(name, tmp_path)
    for permission in everywhere(policy):
        assert PERMISSION.match(permission), permission
    assert plain(policy) | grants(policy) <= everywhere(policy), "the project is wider than the deployment: it has to be named"


@pytest.mark.parametrize("name", SPECS)
def test_roles_are_handed_on_under_a_condition_only(name: str, tmp_path: Path) -> None:
    asked, policy = of(name, tmp_path)
    assert not [permission for permission in plain(policy) if permission.endswith("setIamPolicy")]
    given = {each.inputs["role"] for each in asked if "role" in each.inputs}
    if not given:
        assert grants(policy) == set()
        assert iam.CONDITION_FILE not in policy.documents
        return
    expression = policy.documents[iam.CONDITION_FILE]["expression"]
    assert set(re.findall(r"'(roles/[^']+)'", expression)) == given
    assert expression.startswith("api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([")
    assert any("--condition-from-file" in command for command in policy.commands)


def test_no_role_that_is_handed_on_governs_a_project(tmp_path: Path) -> None:
    given = {each.inputs["role"] for name in SPECS for each in of(name, tmp_path / name)[0] if "role" in each.inputs}
    assert given <= set(iam.HANDED_ON)
    assert not [role for role in iam.HANDED_ON if re.search(r"owner|editor|[aA]dmin$|iam\.", role)]


def test_every_declared_type_has_a_row(tmp_path: Path) -> None:
    declared = {each.kind for name in SPECS for each in of(name, tmp_path / name)[0]}
    assert declared == GcpCloud().deployer_kinds()
    assert declared == {*PLURAL, *POLICIES, "gcp:projects/service:Service"}


def test_a_type_without_a_row_is_an_error(tmp_path: Path) -> None:
    document = harness.planned("plain", tmp_path).program
    with pytest.raises(DeployError, match="gcp:pubsub/topic:Topic"):
        iam.policy(document, [Asked("gcp:pubsub/topic:Topic", {})])


def test_without_a_project_there_is_no_role(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="project"):
        iam.policy(harness.planned("no-project", tmp_path).program, [])


def test_only_what_is_asked_for_is_granted(tmp_path: Path) -> None:
    found = {name: everywhere(of(name, tmp_path / name)[1]) for name in ("plain", "watched", "events", "source", "key")}
    services = {permission.partition(".")[0] for permission in found["plain"]}
    assert not services & {"storage", "eventarc", "cloudscheduler", "monitoring", "billing", "cloudfunctions", "secretmanager"}
    assert "billing.budgets.create" in found["watched"] - found["plain"]
    assert "eventarc.triggers.create" in found["events"] - found["plain"]
    assert "cloudfunctions.functions.create" in found["source"] - found["plain"]
    assert "secretmanager.versions.add" in found["key"] - found["plain"]


def test_a_budget_is_a_matter_of_the_billing_account(tmp_path: Path) -> None:
    _, policy = of("watched", tmp_path)
    assert not [permission for permission in plain(policy) | grants(policy) if permission.startswith("billing.")]
    assert [wide.on for wide in policy.wide] == ["project shop-1", "the billing account"]
    assert any(command.startswith("gcloud billing accounts add-iam-policy-binding 0ABCDE") for command in policy.commands)
