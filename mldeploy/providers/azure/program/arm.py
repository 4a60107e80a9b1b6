"""Names and ids that both programs derive alike from the document: ARM ids, role assignments with stable names."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_azure_native import authorization

from mldeploy.providers.azure.program.roles import ROLES

Document = Mapping[str, Any]

_NAMESPACE = uuid.UUID("6d6c6465-706c-4f79-8a61-7a7572650001")


def group_id(document: Document) -> str:
    """The id of the deployment's resource group."""
    return f"/subscriptions/{document['subscription']}/resourceGroups/{document['names']['group']}"


def resource_id(document: Document, kind: str, part: str) -> str:
    """The id of a resource in it: `kind` is "Microsoft.X/ys", `part` what the document calls its name."""
    return f"{group_id(document)}/providers/{kind}/{document['names'][part]}"


def common(document: Document) -> dict[str, Any]:
    """The arguments of everything that has a place and tags."""
    return {"resource_group_name": document["names"]["group"], "location": document["location"], "tags": dict(document["tags"])}


def grant(
    name: str,
    document: Document,
    role: str,
    scope: pulumi.Input[str],
    principal_id: pulumi.Input[str],
    depends_on: Sequence[pulumi.Resource] = (),
) -> authorization.RoleAssignment:
    """`role` on `scope` for a managed identity. Its name is a digest, so that a repeated run finds it instead of a conflict; a
    new principal needs a new assignment, and the old one has the name: it goes first."""
    seed = "|".join((group_id(document).lower(), name, role))
    return authorization.RoleAssignment(
        name,
        role_assignment_name=str(uuid.uuid5(_NAMESPACE, seed)),
        role_definition_id=f"/subscriptions/{document['subscription']}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}",
        scope=scope,
        principal_id=principal_id,
        principal_type="ServicePrincipal",
        opts=pulumi.ResourceOptions(depends_on=list(depends_on), delete_before_replace=True),
    )
