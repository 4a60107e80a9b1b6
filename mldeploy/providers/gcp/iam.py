"""The deployer's roles at Google Cloud, from the types of the declared resources. Pure.

Asked, … ─table─▶ permissions ─▶ role `deploys`                     bound to the project
                              ─▶ role `hands on roles`              bound with a condition: which roles
                              ─▶ on the billing account, by hand    only where there is a budget
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mldeploy.errors import SpecError
from mldeploy.iam import table
from mldeploy.iam.contract import Asked, Policy, Wide
from mldeploy.iam.table import Row

ROLES_FILE, GRANTS_FILE, CONDITION_FILE = "deployer-role.json", "deployer-grants-role.json", "deployer-grants-condition.json"
ACCOUNT = "mldeploy-deployer"
# What the programs hand on, for a policy that is not of one spec.
HANDED_ON = (
    *("roles/artifactregistry.writer", "roles/eventarc.eventReceiver", "roles/logging.logWriter", "roles/pubsub.publisher"),
    *("roles/run.invoker", "roles/secretmanager.secretAccessor", "roles/storage.objectUser", "roles/storage.objectViewer"),
)
_BUDGETS = "roles/billing.costsManager"


@cache
def rows() -> tuple[Row, ...]:
    """The table."""
    return table.read(Path(__file__).with_name("iam.toml"))


def policy(document: Mapping[str, Any], asked: Iterable[Asked]) -> Policy:
    """See `Permitting.deployer`."""
    project = document["project"]
    if not project:
        raise SpecError("the roles are made in a project, and none is named", "write clouds: {gcp: {project: YOUR-PROJECT}}")
    declared = tuple(asked)
    found = table.needed(rows(), (each.kind for each in declared))
    plain = permissions(row for row in found if not row.on and not row.more.get("is_grant"))
    grants = permissions(row for row in found if row.more.get("is_grant"))
    billing = permissions(row for row in found if row.on)
    what = f"{document['model']} ({document['stage']})"
    documents: dict[str, Any] = {ROLES_FILE: role(f"mldeploy: deploys {what}", plain)}
    if grants:
        documents[GRANTS_FILE] = role(f"mldeploy: hands on roles for {what}", grants)
        documents[CONDITION_FILE] = condition(handed_on(declared))
    because = "Google binds a role to what exists, and the deployment makes its resources itself: the project is the smallest"
    wide = [Wide((*plain, *grants), f"project {project}", f"{because} unit; give a deployment a project of its own")]
    wide += [Wide(billing, "the billing account", "budgets belong to the billing account, not to a project")] if billing else []
    return Policy(documents, tuple(_commands(document, bool(grants), bool(billing))), tuple(wide))


def permissions(found: Iterable[Row]) -> tuple[str, ...]:
    """Every permission of these rows, once."""
    return tuple(sorted({action for row in found for action in row.actions}))


def role(title: str, included: tuple[str, ...]) -> dict[str, Any]:
    """A custom role, as `gcloud iam roles create --file` takes it."""
    return {"title": title[:100], "stage": "GA", "includedPermissions": list(included)}


def handed_on(asked: Iterable[Asked]) -> tuple[str, ...]:
    """The roles that the programs give; all that they ever give where a resource is asked for without its inputs."""
    given = [each for each in asked if each.kind.lower().endswith("iammember")]
    if any("role" not in each.inputs for each in given):
        return HANDED_ON
    return tuple(sorted({str(each.inputs["role"]) for each in given}))


def condition(roles: Iterable[str]) -> dict[str, str]:
    """The deployer hands on these roles and no other; otherwise it could make itself an owner.
    Form: cloud.google.com/iam/docs/setting-limits-on-granting-roles, read 2026-11-21."""
    listed = json.dumps(list(roles)).replace('"', "'")
    return {
        "title": "only-roles-of-a-deployment",
        "expression": f"api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly({listed})",
    }


def role_ids(document: Mapping[str, Any]) -> tuple[str, str]:
    """The ids of both roles in the project: letters, digits and underscores."""
    name = document["name"].replace("-", "_")
    return f"mldeploy_{name}"[:64], f"mldeploy_{name}"[:57] + "_grants"


def _commands(document: Mapping[str, Any], is_granting: bool, is_billed: bool) -> Iterable[str]:
    project = document["project"]
    member = f"--member serviceAccount:{ACCOUNT}@{project}.iam.gserviceaccount.com"
    plain, grants = role_ids(document)
    yield f"gcloud iam roles create {plain} --project {project} --file {ROLES_FILE}"
    yield f"gcloud projects add-iam-policy-binding {project} {member} --role projects/{project}/roles/{plain} --condition None"
    if is_granting:
        yield f"gcloud iam roles create {grants} --project {project} --file {GRANTS_FILE}"
        yield (
            f"gcloud projects add-iam-policy-binding {project} {member} --role projects/{project}/roles/{grants}"
            f" --condition-from-file {CONDITION_FILE}"
        )
    if is_billed:
        account = (document["budget"] or {}).get("billing_account", "BILLING-ACCOUNT")
        yield f"gcloud billing accounts add-iam-policy-binding {account} {member} --role {_BUDGETS}"
