"""One test for each rule that holds for every Azure deployment, over all specs of `azure_programs`."""

from __future__ import annotations

import re

import azure_programs as ap
import pytest
from azure_runs import CONTAINER_APPS, PREMIUM, run, texts

from mldeploy.providers.azure.program.service import service

SECRET_MARK = "4dabf18193072939515e22adb298388d"
UNTAGGED = {
    "authorization:RoleAssignment", "monitor:DiagnosticSetting", "consumption:Budget", "app:ContainerAppsAuthConfig",
    "web:WebAppAuthSettingsV2", "eventgrid:SystemTopicEventSubscription",
    "storage:Queue",
}  # fmt: skip
BROAD = {  # built-in roles that may do anything, by id
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
}
every_spec = pytest.mark.parametrize("name", ap.SPECS)


@every_spec
def test_the_image_is_pinned_by_digest(name: str) -> None:
    images = [text for each in run(name).resources for text in texts(each.inputs) if ".azurecr.io/" in text]
    assert images
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images)


@every_spec
def test_everything_that_takes_tags_has_them(name: str) -> None:
    wanted = {"tool": "mldeploy", "model": "digits", "stage": "dev", "fingerprint": "ab" * 6}
    for each in run(name).resources:
        kind = each.kind.removeprefix("azure-native:")
        if kind not in UNTAGGED:
            assert wanted.items() <= each.inputs["tags"].items(), each.name
    if name == "entra":
        assert all(each.inputs["tags"]["team"] == "greenhouse" for each in run(name).of("app:ContainerApp"))


@every_spec
def test_the_registry_has_no_password(name: str) -> None:
    registry = run(name).registry.one("containerregistry:Registry")
    assert registry["adminUserEnabled"] is False
    assert registry["anonymousPullEnabled"] is False
    for app in run(name).of("app:ContainerApp"):
        assert [set(each) for each in app.inputs["configuration"]["registries"]] == [{"server", "identity"}]
    for site in run(name).of("web:WebApp"):
        assert site.inputs["siteConfig"]["acrUseManagedIdentityCreds"] is True
        assert not [text for text in texts(site.inputs) if "DOCKER_REGISTRY_SERVER_PASSWORD" in text]


@every_spec
def test_roles_are_narrow_and_on_single_resources(name: str) -> None:
    for each in run(name).of("authorization:RoleAssignment"):
        role = each.inputs["roleDefinitionId"].rpartition("/")[2]
        assert role not in BROAD, BROAD.get(role)
        assert re.fullmatch(r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.[^/]+/.+", each.inputs["scope"])
        assert each.inputs["principalType"] == "ServicePrincipal"


@every_spec
def test_role_assignments_have_names_that_stay(name: str) -> None:
    names = [each.inputs["roleAssignmentName"] for each in run(name).of("authorization:RoleAssignment")]
    assert len(set(names)) == len(names)
    again = ap.run(service, ap.service_document(run(name).document))
    ours = {each.inputs["roleAssignmentName"] for each in again.of("authorization:RoleAssignment")}
    assert ours < set(names)


@every_spec
def test_no_secret_value_is_registered(name: str) -> None:
    """References only: neither the engine's record nor a preview has anything to hide."""
    done = run(name)
    for each in done.of("app:ContainerApp"):
        assert all(
            set(secret) == {"name", "keyVaultUrl", "identity"} for secret in each.inputs["configuration"].get("secrets", [])
        )
    for each in done.of("web:WebApp"):
        values = {entry["name"]: entry["value"] for entry in each.inputs["siteConfig"]["appSettings"]}
        assert all(values[secret].startswith("@Microsoft.KeyVault(SecretUri=https://") for secret in done.document["secrets"])
    assert done.of("keyvault:Secret") == []
    assert SECRET_MARK not in str(done.resources), "nothing has to be hidden in the engine's record"
    assert not [text for each in done.resources for text in texts(each.inputs) if "AccountKey=" in text]


@every_spec
def test_secrets_go_into_a_vault_by_role_only(name: str) -> None:
    done = run(name)
    is_managed = not all(done.document["secrets"].values())
    assert len(done.of("keyvault:Vault")) == is_managed
    for vault in done.of("keyvault:Vault"):
        assert vault.inputs["properties"]["enableRbacAuthorization"] is True
        assert "accessPolicies" not in vault.inputs["properties"]
        assert vault.inputs["properties"]["tenantId"] == ap.TENANT


@every_spec
def test_storage_takes_no_key_no_public_read_and_no_plain_http(name: str) -> None:
    storage = run(name).service.one("storage:StorageAccount")
    assert storage["allowSharedKeyAccess"] is (name == "premium-public")
    assert storage["allowBlobPublicAccess"] is False
    assert storage["enableHttpsTrafficOnly"] is True
    assert storage["minimumTlsVersion"] == "TLS1_2"


@every_spec
def test_telemetry_takes_no_key(name: str) -> None:
    assert run(name).service.one("applicationinsights:Component")["disableLocalAuth"] is True


@every_spec
def test_only_public_access_lets_anyone_in(name: str) -> None:
    done = run(name)
    access = done.document["access"]
    environment = dict(done.plan.environment)
    is_open = environment["MLDEPLOY_ACCESS"] == "public"
    assert is_open == (access == "public")
    assert str(done.service.exports["visibility"]).startswith("PUBLIC") == is_open
    closed = [
        environment["MLDEPLOY_ACCESS"] == "key",
        bool(done.of("app:ContainerAppsAuthConfig") or done.of("web:WebAppAuthSettingsV2")),
        any(each.inputs.get("vnetConfiguration", {}).get("internal") for each in done.of("app:ManagedEnvironment")),
        any(each.inputs["publicNetworkAccess"] == "Disabled" for each in done.of("web:WebApp")),
        any(
            {"name": "MLDEPLOY_AZURE_AUTH_LEVEL", "value": "function"} in each.inputs["siteConfig"]["appSettings"]
            for each in done.of("web:WebApp")
        ),
    ]
    assert sum(closed) == (0 if is_open else 1), "exactly one thing keeps callers out"


@pytest.mark.parametrize("name", ["entra", "premium-entra"])
def test_entra_refuses_whoever_brings_no_token(name: str) -> None:
    (sign_in,) = [*run(name).of("app:ContainerAppsAuthConfig"), *run(name).of("web:WebAppAuthSettingsV2")]
    assert sign_in.inputs["globalValidation"]["unauthenticatedClientAction"] == "Return401"
    entra = sign_in.inputs["identityProviders"]["azureActiveDirectory"]
    assert entra["registration"] == {
        "clientId": ap.CLIENT,
        "openIdIssuer": f"https://login.microsoftonline.com/{ap.TENANT}/v2.0",
    }


@pytest.mark.parametrize("name", CONTAINER_APPS)
def test_a_container_app_is_a_function_app_over_https(name: str) -> None:
    app = run(name).service.one("app:ContainerApp")
    assert app["kind"] == "functionapp"
    assert app["configuration"]["ingress"]["allowInsecure"] is False
    assert app["configuration"]["ingress"]["targetPort"] == 8080


@pytest.mark.parametrize("name", CONTAINER_APPS)
def test_traffic_is_always_declared(name: str) -> None:
    settled = run(name).service.one("app:ContainerApp")["configuration"]
    assert settled["activeRevisionsMode"] == "Single"
    assert settled["ingress"]["traffic"] == [{"latestRevision": True, "weight": 100}]
    beside = run(name).beside.one("app:ContainerApp")["configuration"]
    assert beside["activeRevisionsMode"] == "Multiple"
    assert beside["ingress"]["traffic"] == [
        {"revisionName": f"digits-dev--r{ap.LIVE}", "weight": 100},
        {"revisionName": f"digits-dev--r{ap.RELEASE}", "weight": 0, "label": "candidate"},
    ]


@pytest.mark.parametrize("name", CONTAINER_APPS)
def test_a_candidate_differs_from_what_it_becomes_by_its_traffic_only(name: str) -> None:
    settled, beside = (recorded.one("app:ContainerApp") for recorded in (run(name).service, run(name).beside))
    assert settled["template"] == beside["template"]
    assert settled["template"]["revisionSuffix"] == f"r{ap.RELEASE}"
    assert run(name).service.exports["release"] == ap.RELEASE
    assert run(name).beside.exports["release"] == ap.LIVE
    assert "---candidate." in run(name).beside.exports["candidate_url"]
    assert "candidate_url" not in run(name).service.exports


def test_a_release_is_no_candidate_of_itself() -> None:
    document = ap.service_document(run("plain").document, ap.RELEASE)
    configuration = ap.run(service, document).one("app:ContainerApp")["configuration"]
    assert configuration["ingress"]["traffic"] == [{"latestRevision": True, "weight": 100}]


@pytest.mark.parametrize("name", CONTAINER_APPS)
def test_code_gets_no_token_of_the_identity_that_reads_secrets(name: str) -> None:
    app = run(name).service.one("app:ContainerApp")
    lifecycles = {each["identity"].rpartition("/")[2]: each["lifecycle"] for each in app["configuration"]["identitySettings"]}
    names = run(name).document["names"]
    assert lifecycles == {names["puller"]: "None", names["runtime"]: "All"}
    assert set(app["identity"]["userAssignedIdentities"]) == {
        each["identity"] for each in app["configuration"]["identitySettings"]
    }


@pytest.mark.parametrize("name", CONTAINER_APPS)
def test_memory_goes_with_the_processors(name: str) -> None:
    (container,) = run(name).service.one("app:ContainerApp")["template"]["containers"]
    assert container["resources"]["memory"] == f"{container['resources']['cpu'] * 2:g}Gi"


@pytest.mark.parametrize("name", PREMIUM)
def test_a_premium_app_is_linux_https_and_modern_tls(name: str) -> None:
    plan, site = run(name).service.one("web:AppServicePlan"), run(name).service.one("web:WebApp")
    assert plan["reserved"] is True
    assert plan["sku"]["tier"] == "ElasticPremium"
    assert site["kind"] == "functionapp,linux,container"
    assert site["httpsOnly"] is True
    assert (site["siteConfig"]["minTlsVersion"], site["siteConfig"]["ftpsState"]) == ("1.2", "Disabled")
