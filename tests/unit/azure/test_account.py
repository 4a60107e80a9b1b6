"""Health, destroying, the account: against the stand-in of conftest.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import azure_programs as ap
import pytest

from mldeploy.errors import ProviderError
from mldeploy.progress import SilentReporter
from mldeploy.providers.azure import account, residue
from mldeploy.providers.azure.client import AzureClient
from mldeploy.providers.azure.cloud import AzureCloud

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
