"""Signing in to the registry, secrets, health, leftovers, the account: against the stand-in of conftest.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import azure_programs as ap
import pytest

from mldeploy.errors import ProviderError
from mldeploy.progress import SilentReporter
from mldeploy.providers.azure import account, endpoints, residue
from mldeploy.providers.azure.client import AzureClient
from mldeploy.providers.azure.cloud import AzureCloud
from mldeploy.providers.azure.registry_login import login
from mldeploy.providers.contract import Call

CALL = Call("GET", "/")
BASE = f"/subscriptions/{ap.SUBSCRIPTION}"
GROUP = f"{BASE}/resourceGroups/digits-dev"


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    return dict(ap.plan(tmp_path / "spec", ap.SPECS["plain"]).program)


@pytest.fixture
def premium(tmp_path: Path) -> dict[str, Any]:
    return dict(ap.plan(tmp_path / "spec", ap.SPECS["premium-key"]).program)


@pytest.fixture
def cloud(client: AzureClient) -> AzureCloud:
    return AzureCloud(ap.SUBSCRIPTION, client)


# the registry


def test_the_registry_is_signed_in_to_with_an_entra_token(azure, client: AzureClient) -> None:
    azure.put("POST", "reg.azurecr.io", "/oauth2/exchange", {"refresh_token": "for-the-registry"})
    found = login("reg.azurecr.io", client.tokens, ap.TENANT)
    assert (found.username, found.password) == ("00000000-0000-0000-0000-000000000000", "for-the-registry")
    (asked,) = azure.asked
    form = parse_qs(asked.body.decode())
    assert form == {
        "grant_type": ["access_token"],
        "service": ["reg.azurecr.io"],
        "access_token": ["token for https://management.azure.com"],
        "tenant": [ap.TENANT],
    }


@pytest.mark.parametrize(("status", "said"), [(401, "AcrPush"), (403, "AcrPush")])
def test_who_may_not_push_learns_which_role(azure, client: AzureClient, status: int, said: str) -> None:
    azure.put("POST", "reg.azurecr.io", "/oauth2/exchange", {}, status)
    with pytest.raises(ProviderError) as caught:
        login("reg.azurecr.io", client.tokens)
    assert said in (caught.value.hint or "")


def test_an_answer_without_a_token_is_no_registry(azure, client: AzureClient) -> None:
    azure.put("POST", "reg.azurecr.io", "/oauth2/exchange", {})
    with pytest.raises(ProviderError, match="without a token"):
        login("reg.azurecr.io", client.tokens)


# secrets


def test_a_secret_is_written_only_where_it_differs(azure, cloud: AzureCloud, tmp_path: Path) -> None:
    document = ap.plan(tmp_path / "spec", ap.SPECS["key"]).program
    vault = "digitsvault.vault.azure.net"
    azure.put("GET", vault, "/secrets/db-token", {"value": "old"})
    azure.put("PUT", vault, "/secrets/db-token", {})
    azure.put("GET", vault, "/secrets/mldeploy-api-key", {"value": "same"})
    cloud.store_secrets(document, {"vault": "digitsvault"}, {"DB_TOKEN": "new", "MLDEPLOY_API_KEY": "same"})
    (written,) = azure.sent("PUT", vault)
    assert (written.path, written.json) == ("/secrets/db-token", {"value": "new"})
    assert written.headers["authorization"] == "Bearer token for https://vault.azure.net"
    assert cloud.read_key(document, {"vault": "digitsvault"}) == "same"


def test_who_may_not_write_secrets_learns_which_role(azure, cloud: AzureCloud, tmp_path: Path) -> None:
    document = ap.plan(tmp_path / "spec", ap.SPECS["key"]).program
    refusal = {
        "error": {
            "code": "Forbidden",
            "message": "Caller is not authorized to perform action on resource.",
            "innererror": {"code": "ForbiddenByRbac"},
        }
    }
    azure.put("GET", "v.vault.azure.net", "/secrets/db-token", refusal, 403)
    with pytest.raises(ProviderError) as caught:
        cloud.store_secrets(document, {"vault": "v"}, {"DB_TOKEN": "hunter2"})
    assert "Key Vault Secrets Officer" in (caught.value.hint or "")
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"


def test_a_private_deployment_gets_its_key_before_its_image(azure, cloud: AzureCloud, document: dict[str, Any]) -> None:
    azure.put("POST", "reg.azurecr.io", "/oauth2/exchange", {"refresh_token": "t"})
    azure.put("PUT", "v.vault.azure.net", "/secrets/mldeploy-api-key", {})
    outputs = {"login_server": "reg.azurecr.io", "vault": "v"}
    assert cloud.read_key(document, outputs) == ""
    cloud.login(document, outputs)
    (written,) = azure.sent("PUT", "v.vault.azure.net")
    assert len(written.json["value"]) >= 43
    azure.put("GET", "v.vault.azure.net", "/secrets/mldeploy-api-key", {"value": "kept"})
    cloud.login(document, outputs)
    assert len(azure.sent("PUT", "v.vault.azure.net")) == 1


def test_a_function_app_needs_no_key_of_ours(azure, cloud: AzureCloud, premium: dict[str, Any]) -> None:
    assert cloud.read_key(premium, {})
    cloud.store_secrets(premium, {"vault": "v"}, {"MLDEPLOY_API_KEY": "x"})
    assert azure.asked == []


# endpoints


def test_a_caller_with_a_sign_in_brings_the_key(azure, cloud: AzureCloud, document: dict[str, Any]) -> None:
    azure.put("GET", "v.vault.azure.net", "/secrets/mldeploy-api-key", {"value": "k"})
    outputs = {"url": "https://a", "candidate_url": "https://a---candidate", "visibility": "private", "vault": "v"}
    found = cloud.endpoint(document, outputs, is_candidate=False)
    assert azure.asked == [], "the key is read with the first call"
    assert found.sign is not None
    assert found.sign(CALL) == found.sign(CALL) == {"x-api-key": "k"}
    assert len(azure.asked) == 1
    assert cloud.endpoint(document, outputs, is_candidate=True).url == "https://a---candidate"
    assert "'k'" not in repr(found)


def test_a_premium_caller_brings_the_function_key(azure, client: AzureClient, premium: dict[str, Any]) -> None:
    site = f"{GROUP}/providers/Microsoft.Web/sites/app"
    azure.arm(f"{site}/host/default/listkeys", {"masterKey": "never", "functionKeys": {"default": "f"}}, method="POST")
    outputs = {"url": "https://a", "visibility": "", "app": "app"}
    found = endpoints.endpoint(client, premium, outputs, lambda: "", is_candidate=False)
    assert found.sign is not None
    assert found.sign(CALL) == {"x-functions-key": "f"}


def test_an_entra_caller_brings_a_token_for_the_application(client: AzureClient, tmp_path: Path) -> None:
    document = ap.plan(tmp_path / "spec", ap.SPECS["entra"]).program
    found = endpoints.endpoint(client, document, {"url": "u", "visibility": ""}, lambda: "", is_candidate=False)
    assert found.sign is not None
    assert found.sign(CALL) == {"authorization": f"Bearer token for api://{ap.CLIENT}"}


def test_a_public_endpoint_needs_nothing(client: AzureClient, tmp_path: Path) -> None:
    document = ap.plan(tmp_path / "spec", ap.SPECS["public"]).program
    assert endpoints.endpoint(client, document, {"url": "u", "visibility": ""}, lambda: "", is_candidate=False).sign is None


# health


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"active": True, "replicas": 2, "runningState": "Running", "healthState": "Healthy"}, "serving"),
        ({"active": True, "replicas": 0, "runningState": "ScaledToZero"}, "serving"),
        ({"active": True, "replicas": 1, "runningState": "Processing"}, "starting"),
        ({"active": True, "replicas": 1, "runningState": "Failed", "runningStateDetails": "crash"}, "failing"),
        ({"active": True, "replicas": 1, "runningState": "Running", "healthState": "Unhealthy"}, "failing"),
        ({"active": False, "runningState": "Stopped"}, "stopped"),
    ],
)
def test_the_revisions_state_is_the_services(
    azure, cloud: AzureCloud, document: dict[str, Any], facts: Any, state: str
) -> None:
    app = f"{GROUP}/providers/Microsoft.App/containerApps/digits-dev"
    azure.arm(app, {})
    azure.arm(f"{app}/revisions/digits-dev--r{ap.RELEASE}", {"properties": facts})
    assert cloud.health(document, {"app": "digits-dev", "release": ap.RELEASE}).state == state


def test_an_app_deleted_by_hand_is_absent(cloud: AzureCloud, document: dict[str, Any], premium: dict[str, Any]) -> None:
    assert cloud.health(document, {"app": "digits-dev", "release": "x"}).state == "absent"
    assert cloud.health(premium, {"app": "digits-dev", "release": "x"}).state == "absent"


# destroy


def test_the_vault_is_purged_so_that_its_name_is_free(azure, cloud: AzureCloud, document: dict[str, Any]) -> None:
    vault = document["names"]["vault"]
    own = f"{GROUP}/providers/Microsoft.KeyVault/vaults/{vault}"
    deleted = f"{BASE}/providers/Microsoft.KeyVault/locations/northeurope/deletedVaults/{vault}"
    azure.arm(own, {})
    azure.arm(own, None, method="DELETE")
    azure.arm(deleted, {})
    azure.arm(f"{deleted}/purge", None, method="POST")
    cloud.before_destroy(document, {}, SilentReporter())
    assert [(each.method, each.path) for each in azure.asked if each.method != "GET"] == [
        ("DELETE", own),
        ("POST", f"{deleted}/purge"),
    ]


def test_residue_lists_everything_with_its_command(azure, client: AzureClient, document: dict[str, Any]) -> None:
    assert list(residue.residue(client, document)) == []
    vault = document["names"]["vault"]
    azure.arm(GROUP, {})
    azure.arm(f"{BASE}/providers/Microsoft.KeyVault/locations/northeurope/deletedVaults/{vault}", {})
    ours = {"tool": "mldeploy", "model": "digits", "stage": "dev"}
    listed = [
        {"type": "Microsoft.X/ys", "name": "left", "id": "/left", "tags": ours},
        {"type": "Microsoft.X/ys", "name": "other", "id": "/other", "tags": {**ours, "stage": "prod"}},
        {"type": "Microsoft.X/ys", "name": "bare", "id": "/bare"},
    ]
    azure.arm(f"{BASE}/resources", {"value": listed})
    lines = list(residue.residue(client, document))
    assert len(lines) == 3
    assert [
        command in line for command, line in zip(("az group delete", "--ids /left", "az keyvault purge"), lines, strict=True)
    ] == [True] * 3


# the account


def _registered(*but: str) -> dict[str, Any]:
    names = [
        "Microsoft.ContainerRegistry",
        "Microsoft.ManagedIdentity",
        "Microsoft.OperationalInsights",
        "microsoft.insights",
        "Microsoft.Storage",
        "Microsoft.App",
        "Microsoft.KeyVault",
    ]
    return {
        "value": [{"namespace": name, "registrationState": "NotRegistered" if name in but else "Registered"} for name in names]
    }


def test_a_good_account_passes(azure, cloud: AzureCloud, document: dict[str, Any]) -> None:
    azure.arm(BASE, {"state": "Enabled", "tenantId": ap.TENANT})
    azure.arm(f"{BASE}/locations", {"value": [{"name": "northeurope"}]})
    azure.arm(f"{BASE}/providers", _registered())
    cloud.verify(document)


def test_everything_that_is_switched_off_is_named_at_once(azure, cloud: AzureCloud, document: dict[str, Any]) -> None:
    azure.arm(BASE, {"state": "Enabled", "tenantId": ap.TENANT})
    azure.arm(f"{BASE}/providers", _registered("Microsoft.App", "Microsoft.KeyVault"))
    with pytest.raises(ProviderError) as caught:
        cloud.verify(document)
    hint = caught.value.hint or ""
    assert "--namespace Microsoft.App --wait && az provider register --namespace Microsoft.KeyVault" in hint


@pytest.mark.parametrize(
    ("answer", "change", "said"),
    [
        (None, {}, "does not know subscription"),
        ({"state": "Disabled"}, {}, "is Disabled"),
        ({"state": "Enabled", "tenantId": "other"}, {"tenant": ap.TENANT}, "belongs to tenant other"),
        ({"state": "Enabled"}, {"subscription": ""}, "no Azure subscription is named"),
    ],
)
def test_a_wrong_account_is_named(
    azure, cloud: AzureCloud, document: dict[str, Any], answer: Any, change: Any, said: str
) -> None:
    if answer is not None:
        azure.arm(BASE, answer)
    with pytest.raises(ProviderError, match=said):
        cloud.verify({**document, **change})


def test_a_wrong_region_is_named_with_the_near_one(azure, cloud: AzureCloud, document: dict[str, Any]) -> None:
    azure.arm(BASE, {"state": "Enabled"})
    azure.arm(f"{BASE}/locations", {"value": [{"name": "northeurope"}, {"name": "westeurope"}]})
    with pytest.raises(ProviderError) as caught:
        cloud.verify({**document, "location": "norteurope"})
    assert caught.value.hint == "did you mean northeurope?"


def test_what_is_needed_depends_on_what_is_used(document: dict[str, Any], premium: dict[str, Any]) -> None:
    assert "Microsoft.App" in account.needed(document)
    assert {"Microsoft.Web", "Microsoft.EventGrid", "Microsoft.Consumption"} <= set(account.needed(premium))


def test_the_engine_signs_in_as_we_do(
    cloud: AzureCloud, document: dict[str, Any], no_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = cloud.config(document)
    assert config["azure-native:subscriptionId"] == ap.SUBSCRIPTION
    assert config["azure-native:useDefaultAzureCredential"] == "true"
    assert "secret" not in json.dumps(config).lower()
    monkeypatch.setenv("ARM_CLIENT_ID", "c")
    assert "azure-native:useDefaultAzureCredential" not in cloud.config(document)
