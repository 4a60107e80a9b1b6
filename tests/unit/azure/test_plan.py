"""What an Azure deployment will be: plan, sizes, names, recipe, ids. Pure."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import azure_programs as ap
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.plan import Plan
from mldeploy.providers.azure.ids import physical_id
from mldeploy.providers.azure.names import names
from mldeploy.spec.model import NAME_PATTERN

GROUP = "/subscriptions/s/resourceGroups/g"


@pytest.fixture(autouse=True)
def _plain_machine(no_environment: None) -> None:
    pass


def _plan(folder: Path, text: str) -> Plan:
    return ap.plan(folder / "spec", text)


def _size(plan: Plan) -> tuple[Any, ...]:
    keys = ("clouds.azure.cpu", "resources.memory_mb", "resources.min_instances", "resources.max_instances")
    return tuple(plan.setting(key) for key in keys)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", (1.0, 2048, 0, 10)),
        ("resources: {memory_mb: 512}\n", (0.25, 512, 0, 10)),
        ("resources: {memory_mb: 8192, max_instances: 3}\n", (4.0, 8192, 0, 3)),
        ("clouds: {azure: {cpu: 0.75}}\n", (0.75, 1536, 0, 10)),
        ("resources: {min_instances: 20}\n", (1.0, 2048, 20, 20)),
        ("clouds: {azure: {schedule: {cron: '0 6 * * *', inputs: 1}}}\n", (1.0, 2048, 1, 10)),
        ("clouds: {azure: {plan: premium}}\n", (1, 3584, 1, 10)),
        ("clouds: {azure: {plan: premium, premium_size: EP3, zone_redundant: true}}\n", (4, 14336, 3, 10)),
    ],
)
def test_sizes_come_in_azures_pairs(tmp_path: Path, text: str, size: tuple[Any, ...]) -> None:
    assert _size(_plan(tmp_path, text)) == size


def test_a_derived_value_says_from_what(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "resources: {memory_mb: 1024}\nclouds: {azure: {schedule: {cron: '0 6 * * *', inputs: 1}}}\n")
    origins = {setting.key: setting.origin for setting in plan.settings}
    assert origins["resources.memory_mb"] == "mldeploy.yaml:4"
    assert "Azure's pairs" in origins["clouds.azure.cpu"]
    assert "a timer needs an instance" in origins["resources.min_instances"]


def test_the_subscription_is_part_of_the_names_that_are_unique_in_the_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = _plan(tmp_path, "")
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", ap.SUBSCRIPTION)
    from_environment = _plan(tmp_path, "")
    from_spec = _plan(tmp_path, ap.SPECS["plain"])
    assert from_environment.program["names"] == from_spec.program["names"]
    changed = {part for part, name in unknown.program["names"].items() if name != from_spec.program["names"][part]}
    assert changed == {"registry", "storage", "vault", "site"}
    origins = {setting.key: setting.origin for setting in from_environment.settings}
    assert origins["clouds.azure.subscription"] == "environment variable AZURE_SUBSCRIPTION_ID"


def test_access_decides_what_the_runtime_checks(tmp_path: Path) -> None:
    checks = {name: ap.plan(tmp_path / name, text).environment["MLDEPLOY_ACCESS"] for name, text in ap.SPECS.items()}
    assert {name for name, check in checks.items() if check == "key"} == {"plain", "key"}
    assert {name for name, check in checks.items() if check == "public"} == {"public", "everything", "premium-public"}
    assert ap.plan(tmp_path / "a", ap.SPECS["plain"]).secrets == {"MLDEPLOY_API_KEY": "generated:key"}
    assert "MLDEPLOY_API_KEY" not in ap.plan(tmp_path / "b", ap.SPECS["premium-key"]).secrets


def test_public_is_said_loudly(tmp_path: Path) -> None:
    endpoint = next(each for each in _plan(tmp_path, "access: public\n").resources if each.kind == "endpoint")
    assert endpoint.detail.startswith("PUBLIC")


def test_the_program_document_is_json_and_has_no_secret_value(tmp_path: Path) -> None:
    for name, text in ap.SPECS.items():
        document = ap.plan(tmp_path / name, text).program
        assert json.loads(json.dumps(document)) == document
        assert all(value == "" or value.startswith("https://") for value in document["secrets"].values())


def test_the_image_keeps_the_bases_own_start(tmp_path: Path) -> None:
    image = _plan(tmp_path, "").image
    assert image is not None
    assert (image.entrypoint, image.command) == ((), ())
    assert image.base == "mcr.microsoft.com/azure-functions/python:4-python3.13"
    assert (image.user, image.port, image.architecture) == ("10001:10001", 8080, "x86_64")
    assert image.environment["ASPNETCORE_URLS"] == "http://+:8080"
    assert image.environment["AzureWebJobsScriptRoot"] == image.app_dir == image.workdir
    assert json.loads(image.files["/home/site/wwwroot/host.json"])["version"] == "2.0"
    assert "mldeploy.providers.azure.entry.app" in image.files["/home/site/wwwroot/function_app.py"]


def test_a_base_that_wants_root_gets_it(tmp_path: Path) -> None:
    image = _plan(tmp_path, "clouds: {azure: {run_as_root: true, port: 80, base_image: my/base:1}}\n").image
    assert image is not None
    assert (image.user, image.port, image.base) == ("0:0", 80, "my/base:1")
    assert image.environment["ASPNETCORE_URLS"] == "http://+:80"


def test_stages_of_one_timeout_share_an_image(tmp_path: Path) -> None:
    text = "stages: {prod: {resources: {memory_mb: 4096, min_instances: 2}}}\n"
    images = [ap.plan(tmp_path / "spec", text, stage).image for stage in ("dev", "prod")]
    assert images[0] == images[1]


_NAMES = st.from_regex(NAME_PATTERN, fullmatch=True)
_RULES = {  # learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    "group": r"[a-z0-9-]{1,90}",
    "registry": r"[a-z0-9]{5,50}",
    "storage": r"[a-z0-9]{3,24}",
    "vault": r"[a-z][a-z0-9]{2,23}",
    "app": r"(?!.*--)[a-z][a-z0-9-]{0,30}[a-z0-9]",
    "site": r"[a-z0-9][a-z0-9-]{0,58}[a-z0-9]",
    "environment": r"(?!.*--)[a-z][a-z0-9-]{0,58}[a-z0-9]",
    "workspace": r"[a-z0-9][a-z0-9-]{2,61}[a-z0-9]",
    "topic": r"[a-zA-Z0-9-]{3,50}",
    "budget": r"[a-z0-9-]{1,63}",
    "purge": r"[a-z0-9-]{5,50}",
}


@given(model=_NAMES, stage=_NAMES)
def test_names_are_legal(model: str, stage: str) -> None:
    found = names(model, stage, ap.SUBSCRIPTION)
    for part, rule in _RULES.items():
        assert re.fullmatch(rule, found[part]), (part, found[part])
    assert len(f"{found['app']}--r0123456789ab") <= 54
    assert len(f"{found['app']}---candidate") <= 63


@given(_NAMES, _NAMES, _NAMES, _NAMES)
def test_two_deployments_share_no_name(model: str, stage: str, other: str, other_stage: str) -> None:
    if (model, stage) != (other, other_stage):
        one, two = names(model, stage, "s"), names(other, other_stage, "s")
        assert not {one[part] for part in one if part != "repository"} & {two[part] for part in two if part != "repository"}


@pytest.mark.parametrize(
    ("kind", "inputs", "wanted"),
    [
        ("resources:ResourceGroup", {"resourceGroupName": "g"}, GROUP),
        (
            "app:ContainerApp",
            {"resourceGroupName": "g", "containerAppName": "a"},
            f"{GROUP}/providers/Microsoft.App/containerApps/a",
        ),
        (
            "containerregistry:Task",
            {"resourceGroupName": "g", "registryName": "r", "taskName": "t"},
            f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/r/tasks/t",
        ),
        (
            "authorization:RoleAssignment",
            {"scope": GROUP, "roleAssignmentName": "n"},
            f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/n",
        ),
        (
            "web:WebAppAuthSettingsV2",
            {"resourceGroupName": "g", "name": "a"},
            f"{GROUP}/providers/Microsoft.Web/sites/a/config/authsettingsV2",
        ),
        ("app:ContainerApp", {"resourceGroupName": "g"}, None),
        ("app:ContainerApp", {"resourceGroupName": {"unknown": 1}, "containerAppName": "a"}, None),
        ("compute:VirtualMachine", {"resourceGroupName": "g", "vmName": "a"}, None),
    ],
)
def test_an_id_follows_from_the_inputs(kind: str, inputs: Any, wanted: str | None) -> None:
    assert physical_id(f"azure-native:{kind}", inputs, "s") == wanted


def test_no_subscription_no_id() -> None:
    assert physical_id("azure-native:resources:ResourceGroup", {"resourceGroupName": "g"}, "") is None
