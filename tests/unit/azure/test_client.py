"""Calls to Azure's services, against the stand-in of conftest.py; tokens come through the real azure-identity."""

from __future__ import annotations

import pytest

from mldeploy.errors import ProviderError
from mldeploy.providers.azure.client import AzureClient
from mldeploy.providers.azure.credentials import MANAGEMENT, Tokens, _credential
from mldeploy.providers.azure.exchange import mapped

THING = "/subscriptions/s/resourceGroups/g"


def test_every_host_is_mapped_below_one_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLDEPLOY_AZURE_ENDPOINT", raising=False)
    assert mapped("https://v.vault.azure.net/x?y=1") == "https://v.vault.azure.net/x?y=1"
    monkeypatch.setenv("MLDEPLOY_AZURE_ENDPOINT", "http://127.0.0.1:9/azure/")
    assert mapped("https://v.vault.azure.net/x?y=1") == "http://127.0.0.1:9/azure/v.vault.azure.net/x?y=1"


def test_a_call_brings_a_token_for_its_service(azure, client: AzureClient) -> None:
    azure.arm(THING, {"name": "g"})
    assert client.get(THING, "2021-04-01") == {"name": "g"}
    (asked,) = azure.asked
    assert asked.headers["authorization"] == "Bearer token for https://management.azure.com"
    assert asked.query == {"api-version": ["2021-04-01"]}


def test_what_is_not_there_is_none(client: AzureClient) -> None:
    assert client.get(THING, "2021-04-01") is None
    assert list(client.listed(THING, "2021-04-01")) == []
    assert client.act("DELETE", THING, "2021-04-01") is None


def test_a_list_is_read_to_its_end(azure, client: AzureClient) -> None:
    azure.arm(THING, {"value": [{"n": 1}], "nextLink": "https://management.azure.com/more?token=2"})
    azure.arm("/more", {"value": [{"n": 2}]})
    assert [each["n"] for each in client.listed(THING, "2021-04-01")] == [1, 2]


def test_a_busy_service_is_asked_again(azure, client: AzureClient, waited: list[float]) -> None:
    azure.arm(THING, None, 429, retry_after="7")
    azure.arm(THING, None, 503)
    azure.arm(THING, {"name": "g"})
    assert client.get(THING, "2021-04-01") == {"name": "g"}
    assert waited == [7.0, 4.0]


def test_a_service_that_stays_busy_is_an_error_in_the_end(azure, client: AzureClient, waited: list[float]) -> None:
    azure.refuse("GET", "management.azure.com", THING, 429, "TooManyRequests", "slow down")
    with pytest.raises(ProviderError, match="refusing calls"):
        client.get(THING, "2021-04-01")
    assert len(waited) == 4


def test_a_long_operation_is_waited_for(azure, client: AzureClient, waited: list[float]) -> None:
    azure.arm(THING, None, 202, method="DELETE", azure_asyncoperation="https://management.azure.com/ops/1?api-version=x")
    azure.arm("/ops/1", {"status": "InProgress"})
    azure.arm("/ops/1", {"status": "Succeeded"})
    assert client.act("DELETE", THING, "2021-04-01") is not None
    assert len(waited) == 1


def test_a_long_operation_that_fails_says_why(azure, client: AzureClient) -> None:
    azure.arm(THING, None, 202, method="DELETE", location="https://management.azure.com/ops/1?api-version=x")
    azure.arm("/ops/1", {"status": "Failed", "error": {"code": "QuotaExceeded", "message": "too many cores"}})
    with pytest.raises(ProviderError, match="a quota of the subscription is used up"):
        client.act("DELETE", THING, "2021-04-01")


def test_an_unknown_refusal_is_repeated_in_azures_words(azure, client: AzureClient) -> None:
    azure.refuse("GET", "management.azure.com", THING, 400, "SurelyUnknown", "never heard of")
    with pytest.raises(ProviderError, match="SurelyUnknown: never heard of"):
        client.get(THING, "2021-04-01")


def test_expired_credentials_are_named(azure, client: AzureClient) -> None:
    azure.token_status = 400
    with pytest.raises(ProviderError) as caught:
        client.get(THING, "2021-04-01")
    assert "credentials" in caught.value.message
    assert "az login" in (caught.value.hint or "")


def test_no_connection_is_one_line(azure, client: AzureClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client.tokens.get(MANAGEMENT)
    monkeypatch.setenv("MLDEPLOY_AZURE_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(ProviderError, match="does not answer"):
        client.get(THING, "2021-04-01")


def test_a_token_is_asked_for_once(azure, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens()
    first = tokens.get(MANAGEMENT)
    azure.token_status = 500
    assert tokens.get(MANAGEMENT) == first


def test_what_the_engines_provider_reads_counts_too(no_environment: None) -> None:
    tenant = "99999999-8888-4777-8666-555555555555"
    given = {"ARM_CLIENT_ID": "c", "ARM_TENANT_ID": tenant, "ARM_CLIENT_SECRET": "s"}
    assert type(_credential(given)).__name__ == "ClientSecretCredential"
    assert type(_credential({"IDENTITY_ENDPOINT": "http://127.0.0.1:1"})).__name__ == "ManagedIdentityCredential"
    assert type(_credential({})).__name__ == "DefaultAzureCredential"
