"""Signing in to the registry, secrets, health, leftovers, the account: against the stand-in of conftest.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import azure_programs as ap
import pytest

from mldeploy.errors import ProviderError
from mldeploy.providers.azure import endpoints
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


def test_a_login_to_the_registry_writes_no_secret(azure, cloud: AzureCloud, document: dict[str, Any]) -> None:
    azure.put("POST", "reg.azurecr.io", "/oauth2/exchange", {"refresh_token": "t"})
    outputs = {"login_server": "reg.azurecr.io", "vault": "v"}
    assert cloud.read_key(document, outputs) == ""
    assert cloud.login(document, outputs).password == "t"
    assert azure.sent("PUT", "v.vault.azure.net") == []


def test_a_function_app_needs_no_key_of_ours(azure, cloud: AzureCloud, premium: dict[str, Any]) -> None:
    assert cloud.read_key(premium, {}) == ""
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
