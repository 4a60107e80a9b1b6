"""What bootstrapping Google Cloud makes: who is trusted, what the deployer may do, how the state is kept."""

from __future__ import annotations

from pathlib import Path

import bootstrap_harness as harness
import pytest

from mldeploy.errors import SpecError
from mldeploy.iam.trust import ISSUER, Trust
from mldeploy.providers.gcp import iam

POOL = "projects/99/locations/global/workloadIdentityPools"


def test_only_named_environments_of_one_repository_are_trusted(tmp_path: Path) -> None:
    stack, document = harness.run("gcp", tmp_path)
    provider = stack.only("gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider")
    assert provider["oidc"] == {"issuerUri": ISSUER}
    assert provider["attributeCondition"] == "assertion.repository == 'acme/digits'"
    assert provider["attributeMapping"]["google.subject"] == "assertion.sub"
    members = stack.of("gcp:serviceaccount/iAMMember:IAMMember")
    pool = f"principal://iam.googleapis.com/{POOL}/{document['pool']}/subject"
    assert sorted(each["member"] for each in members) == sorted(f"{pool}/{subject}" for subject in harness.SUBJECTS)
    assert {each["role"] for each in members} == {"roles/iam.workloadIdentityUser"}


def test_there_is_no_shared_provider_to_point_to(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="--has-provider"):
        harness.run("gcp", tmp_path, Trust(harness.REPOSITORY, ("prod",), has_provider=True))


def test_the_deployer_has_the_roles_that_iam_prints(tmp_path: Path) -> None:
    stack, _ = harness.run("gcp", tmp_path)
    printed = harness.policy_of("gcp", harness.planned("gcp", tmp_path)).documents
    assert stack.named("role-deploy")["permissions"] == printed[iam.ROLES_FILE]["includedPermissions"]
    assert stack.named("role-grants")["permissions"] == printed[iam.GRANTS_FILE]["includedPermissions"]
    assert "condition" not in stack.named("grant-deploy")
    assert stack.named("grant-grants")["condition"] == printed[iam.CONDITION_FILE]
    assert len(stack.of("gcp:projects/iAMMember:IAMMember")) == 2


def test_besides_it_has_its_bucket_and_its_key(tmp_path: Path) -> None:
    stack, document = harness.run("gcp", tmp_path)
    member = f"serviceAccount:{document['account']}@shop-1.iam.gserviceaccount.com"
    on_bucket, on_key = stack.named("grant-state"), stack.named("grant-key")
    assert (on_bucket["role"], on_bucket["member"]) == ("roles/storage.objectUser", member)
    assert (on_key["role"], on_key["member"]) == ("roles/cloudkms.cryptoKeyEncrypterDecrypter", member)
    assert on_key["cryptoKeyId"] == "key-id"


def test_the_state_has_versions_and_is_closed(tmp_path: Path) -> None:
    bucket = harness.run("gcp", tmp_path)[0].only("gcp:storage/bucket:Bucket")
    assert bucket["versioning"] == {"enabled": True}
    assert bucket["publicAccessPrevention"] == "enforced"
    assert bucket["uniformBucketLevelAccess"] is True


def test_the_outputs_are_the_variables_of_a_workflow(tmp_path: Path) -> None:
    stack, document = harness.run("gcp", tmp_path)
    assert stack.outputs == {
        "GCP_WORKLOAD_IDENTITY_PROVIDER": f"{POOL}/{document['pool']}/providers/github",
        "GCP_SERVICE_ACCOUNT": f"{document['account']}@shop-1.iam.gserviceaccount.com",
        "MLDEPLOY_STATE_GCP": f"gs://{document['bucket']}",
        "MLDEPLOY_SECRETS_PROVIDER_GCP": "gcpkms://key-id",
    }
