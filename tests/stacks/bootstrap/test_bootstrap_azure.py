"""What bootstrapping Azure makes: who is trusted, what the deployer may do, how the state is kept."""

from __future__ import annotations

from pathlib import Path

import bootstrap_harness as harness
import pytest

from mldeploy.errors import SpecError
from mldeploy.iam.trust import ISSUER, Trust
from mldeploy.providers.azure import iam

CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"


def test_only_named_environments_of_one_repository_are_trusted(tmp_path: Path) -> None:
    stack, _ = harness.run("azure", tmp_path)
    found = stack.of(CREDENTIAL)
    assert sorted(each["subject"] for each in found) == sorted(harness.SUBJECTS)
    assert {each["issuer"] for each in found} == {ISSUER}
    assert [each["audiences"] for each in found] == [["api://AzureADTokenExchange"]] * 2


def test_there_is_no_shared_provider_to_point_to(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="--has-provider"):
        harness.run("azure", tmp_path, Trust(harness.REPOSITORY, ("prod",), has_provider=True))


def test_the_deployer_has_the_role_that_iam_prints_under_its_condition(tmp_path: Path) -> None:
    stack, _ = harness.run("azure", tmp_path)
    printed = harness.policy_of("azure", harness.planned("azure", tmp_path)).documents
    (permission,) = stack.only("azure-native:authorization:RoleDefinition")["permissions"]
    assert permission == {
        "actions": printed[iam.ROLE_FILE]["Actions"],
        "dataActions": printed[iam.ROLE_FILE]["DataActions"],
    }
    grant = stack.named("grant-deploy")
    assert grant["condition"] == printed[iam.ASSIGNMENT_FILE]["condition"]
    assert (grant["conditionVersion"], grant["principalType"]) == ("2.0", "ServicePrincipal")
    assert grant["scope"] == f"/subscriptions/{harness.SUBSCRIPTION}"


def test_besides_it_has_its_container_and_its_key(tmp_path: Path) -> None:
    stack, _ = harness.run("azure", tmp_path)
    assert len(stack.of("azure-native:authorization:RoleAssignment")) == 3
    assert stack.named("grant-state")["scope"] == "container-id"
    assert stack.named("grant-key")["scope"] == "vault-id"


def test_the_state_has_versions_and_takes_no_account_key(tmp_path: Path) -> None:
    stack, _ = harness.run("azure", tmp_path)
    account = stack.only("azure-native:storage:StorageAccount")
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert account["enableHttpsTrafficOnly"] is True
    assert stack.only("azure-native:storage:BlobServiceProperties")["isVersioningEnabled"] is True
    assert stack.only("azure-native:storage:BlobContainer")["publicAccess"] == "None"
    vault = stack.only("azure-native:keyvault:Vault")["properties"]
    assert vault["enablePurgeProtection"] is True
    assert vault["enableRbacAuthorization"] is True


def test_a_second_run_finds_the_first_ones_ids(tmp_path: Path) -> None:
    first, again = (harness.run("azure", tmp_path)[1]["ids"] for _ in range(2))
    assert first == again
    assert len(set(first.values())) == 4


def test_the_outputs_are_the_variables_of_a_workflow(tmp_path: Path) -> None:
    stack, document = harness.run("azure", tmp_path)
    assert stack.outputs == {
        "AZURE_CLIENT_ID": "clientId-of-deployer",
        "AZURE_TENANT_ID": "tenantId-of-deployer",
        "AZURE_SUBSCRIPTION_ID": harness.SUBSCRIPTION,
        "MLDEPLOY_STATE_AZURE": f"azblob://state?storage_account={document['storage']}",
        "MLDEPLOY_SECRETS_PROVIDER_AZURE": f"azurekeyvault://{document['vault']}.vault.azure.net/keys/state",
    }
