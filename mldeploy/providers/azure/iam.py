"""The deployer's role at Azure: a custom role from the declared resources, and the condition of its assignment. Pure.

Asked, … ─ids─▶ read, write, delete of each type ┐
         ─table─▶ what goes beyond that          ├─▶ custom role · where it is assigned, and which roles it may hand on
         roles that the programs grant           ┘
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mldeploy.errors import DeployError, SpecError
from mldeploy.iam import table
from mldeploy.iam.contract import Asked, Policy, Wide
from mldeploy.iam.table import Row
from mldeploy.providers.azure import ids
from mldeploy.providers.azure.program.roles import ROLES

PREFIX = "azure-native:"
GROUP = f"{PREFIX}resources:ResourceGroup"
GRANT = f"{PREFIX}authorization:RoleAssignment"
ROLE_FILE, ASSIGNMENT_FILE = "deployer-role.json", "deployer-assignment.json"
_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"


@cache
def rows() -> tuple[Row, ...]:
    """The table of what goes beyond reading, writing and deleting."""
    return table.read(Path(__file__).with_name("iam.toml"))


def kinds() -> frozenset[str]:
    """Every type that something is known of."""
    return frozenset({*(f"{PREFIX}{token}" for token in ids.types()), *table.kinds(rows())})


def policy(document: Mapping[str, Any], asked: Iterable[Asked]) -> Policy:
    """See `Permitting.deployer`."""
    subscription = document["subscription"]
    if not subscription:
        raise SpecError(
            "the role is made for a subscription, and none is named",
            "write clouds: {azure: {subscription: YOUR-SUBSCRIPTION-ID}}   (az account show --query id)",
        )
    declared = tuple(asked)
    scope = f"/subscriptions/{subscription}"
    name = f"mldeploy deployer of {document['names']['group']}"
    actions, data = _actions(document, frozenset(each.kind for each in declared))
    role = {
        "Name": name,
        "IsCustom": True,
        "Description": f"Deploys {document['model']} (stage {document['stage']}) with mldeploy",
        "Actions": actions,
        "NotActions": [],
        "DataActions": data,
        "NotDataActions": [],
        "AssignableScopes": [scope],
    }
    assignment = {"scope": scope, "role": name, "condition": condition(granted(declared)), "conditionVersion": "2.0"}
    because = "the deployment makes and removes its resource group itself, and a role is not given on what does not exist yet"
    wide = Wide((*actions, *data), scope, because)
    return Policy({ROLE_FILE: role, ASSIGNMENT_FILE: assignment}, _commands(name, scope), (wide,))


def _commands(name: str, scope: str) -> tuple[str, ...]:
    return (
        f"az role definition create --role-definition {ROLE_FILE}",
        "az role assignment create --assignee-object-id DEPLOYER-OBJECT-ID --assignee-principal-type ServicePrincipal"
        f" --role '{name}' --scope {scope} --condition-version 2.0"
        f' --condition "$(python3 -c \'import json; print(json.load(open("{ASSIGNMENT_FILE}"))["condition"])\')"',
    )


def _actions(document: Mapping[str, Any], wanted: frozenset[str]) -> tuple[list[str], list[str]]:
    """Actions and data actions, sorted. Raises DeployError for a type that nothing is known of."""
    unknown = sorted(wanted - kinds())
    if unknown:
        raise DeployError(
            f"no rights are known for {', '.join(unknown)}", "this is a bug: ids.py or iam.toml lacks a row; please report it"
        )
    known = table.kinds(rows())
    found = [
        row for row in table.needed(rows(), wanted & known) if "if_set" not in row.more or document.get(row.more["if_set"])
    ]
    types = [ids.types()[kind.removeprefix(PREFIX)] for kind in wanted - {GROUP}]
    plain = {f"{type_name}/{verb}" for type_name in types for verb in ("read", "write", "delete")}
    plain |= {action for row in found if not row.more.get("is_data") for action in row.actions}
    return sorted(plain), sorted(action for row in found if row.more.get("is_data") for action in row.actions)


def granted(asked: Iterable[Asked]) -> tuple[str, ...]:
    """The ids of the built-in roles that the programs give to the deployment's own identities."""
    given = {str(each.inputs["roleDefinitionId"]).rpartition("/")[2] for each in asked if each.kind == GRANT and each.inputs}
    is_open = any(each.kind == GRANT and not each.inputs for each in asked)
    return tuple(sorted(given | (set(ROLES.values()) if is_open else set())))


def condition(roles: Iterable[str]) -> str:
    """The deployer hands on these roles and no other, to managed identities and nobody else; otherwise it could make itself an
    owner. Form: learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples, read 2026-11-21."""
    listed = ", ".join(roles) or "00000000-0000-0000-0000-000000000000"

    def only(verb: str, source: str) -> str:
        by_role = f"@{source}[{_ASSIGNMENTS}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{listed}}}"
        to_whom = f"@{source}[{_ASSIGNMENTS}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'ServicePrincipal'}}"
        return f"((!(ActionMatches{{'{_ASSIGNMENTS}/{verb}'}})) OR ({by_role} AND {to_whom}))"

    return f"{only('write', 'Request')} AND {only('delete', 'Resource')}"
