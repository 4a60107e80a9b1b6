"""The deployer's role at Azure, derived for every spec of this folder from what its programs declare under mocks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import azure_programs as ap
import pytest

from mldeploy.errors import DeployError, SpecError
from mldeploy.iam.contract import Asked, Permitting, Policy
from mldeploy.iam.recording import recorded
from mldeploy.providers.azure import iam, ids
from mldeploy.providers.azure.cloud import AzureCloud
from mldeploy.providers.azure.program.roles import ROLES

OPERATION = re.compile(r"^Microsoft\.[A-Za-z]+(/[A-Za-z.]+)+/(read|write|delete|action)$")
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def of(name: str, folder: Path) -> tuple[tuple[Asked, ...], Policy]:
    plan, cloud = ap.plan(folder, ap.SPECS[name]), AzureCloud()
    asked = recorded(cloud, plan)
    assert isinstance(cloud, Permitting)
    return asked, cloud.deployer(plan.program, asked)


def role(policy: Policy) -> dict[str, Any]:
    return dict(policy.documents[iam.ROLE_FILE])


@pytest.mark.parametrize("name", ap.SPECS)
def test_every_declared_resource_may_be_made_read_and_removed(name: str, tmp_path: Path) -> None:
    asked, policy = of(name, tmp_path)
    actions = set(role(policy)["Actions"])
    assert len(asked) > 8
    for each in asked:
        place = ids.physical_id(each.kind, each.inputs, ap.SUBSCRIPTION)
        if place is None:  # what it hangs on is only known once that is there
            continue
        type_name = arm_type(place)
        wanted = {f"{type_name}/{verb}" for verb in ("read", "write", "delete")}
        assert wanted <= actions, each.kind


def arm_type(place: str) -> str:
    """Microsoft.App/containerApps of …/resourceGroups/g/providers/Microsoft.App/containerApps/a."""
    _, found, rest = place.rpartition("/providers/")
    if not found:
        return "Microsoft.Resources/subscriptions/resourceGroups"
    namespace, *pairs = rest.split("/")
    return "/".join([namespace, *pairs[::2]])


@pytest.mark.parametrize("name", ap.SPECS)
def test_no_operation_is_a_wildcard(name: str, tmp_path: Path) -> None:
    found = role(of(name, tmp_path)[1])
    assert found["NotActions"] == found["NotDataActions"] == []
    for operation in [*found["Actions"], *found["DataActions"]]:
        assert OPERATION.match(operation), operation
    assert found["AssignableScopes"] == [f"/subscriptions/{ap.SUBSCRIPTION}"]


@pytest.mark.parametrize("name", ap.SPECS)
def test_only_the_roles_of_this_deployment_may_be_handed_on(name: str, tmp_path: Path) -> None:
    asked, policy = of(name, tmp_path)
    given = {each.inputs["roleDefinitionId"].rpartition("/")[2] for each in asked if each.kind == iam.GRANT}
    condition = policy.documents[iam.ASSIGNMENT_FILE]["condition"]
    assert given
    assert given <= set(ROLES.values())
    assert set(GUID.findall(condition)) == given
    for verb in ("write", "delete"):
        assert f"ActionMatches{{'Microsoft.Authorization/roleAssignments/{verb}'}}" in condition
    assert condition.count("{'ServicePrincipal'}") == 2
    assert condition.count("(") == condition.count(")")


def test_every_declared_type_has_a_row(tmp_path: Path) -> None:
    declared = {each.kind for name in ap.SPECS for each in of(name, tmp_path / name)[0]}
    assert declared == iam.kinds()


def test_a_type_without_a_row_is_an_error(tmp_path: Path) -> None:
    document = ap.plan(tmp_path, ap.SPECS["plain"]).program
    with pytest.raises(DeployError, match="azure-native:sql:Server"):
        iam.policy(document, [Asked("azure-native:sql:Server", {})])


def test_without_a_subscription_there_is_no_role(tmp_path: Path) -> None:
    document = {**ap.plan(tmp_path, ap.SPECS["plain"]).program, "subscription": ""}
    with pytest.raises(SpecError, match="subscription"):
        iam.policy(document, [])


def test_only_what_is_asked_for_is_granted(tmp_path: Path) -> None:
    plain = role(of("public", tmp_path / "a")[1])
    everything = role(of("everything", tmp_path / "b")[1])
    internal = role(of("internal", tmp_path / "c")[1])
    assert plain["DataActions"] == []
    assert not [
        each for each in plain["Actions"] if each.startswith(("Microsoft.EventGrid", "Microsoft.Web", "Microsoft.KeyV"))
    ]
    assert "Microsoft.KeyVault/vaults/secrets/setSecret/action" in everything["DataActions"]
    assert "Microsoft.EventGrid/systemTopics/write" in everything["Actions"]
    join = "Microsoft.Network/virtualNetworks/subnets/join/action"
    assert join in internal["Actions"]
    assert join not in everything["Actions"]


def test_for_every_feature_every_role_of_ours_and_no_other(tmp_path: Path) -> None:
    document = ap.plan(tmp_path, ap.SPECS["plain"]).program
    policy = iam.policy(document, [Asked(kind, {}) for kind in iam.kinds()])
    assert set(GUID.findall(policy.documents[iam.ASSIGNMENT_FILE]["condition"])) == set(ROLES.values())
    assert (policy.wide[0].on, set(policy.wide[0].actions)) == (
        f"/subscriptions/{ap.SUBSCRIPTION}",
        {*role(policy)["Actions"], *role(policy)["DataActions"]},
    )
