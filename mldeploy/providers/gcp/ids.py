"""The provider's ids of what the programs declare, as Google's Terraform provider takes them for an import. Pure.

None where there is no import, and where Google gives the id itself (alert policies, channels, budgets: see found.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any

_GRANT = " {role} {member}"
_SERVICE = "projects/{project}/locations/{location}/services/{name}"
_REPOSITORY = "projects/{project}/locations/{location}/repositories/"

PATHS: Mapping[str, str] = {
    "gcp:projects/service:Service": "{project}/{service}",
    "gcp:projects/iAMMember:IAMMember": "{project}" + _GRANT,
    "gcp:artifactregistry/repository:Repository": _REPOSITORY + "{repositoryId}",
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": _REPOSITORY + "{repository}" + _GRANT,
    "gcp:secretmanager/secret:Secret": "projects/{project}/secrets/{secretId}",
    "gcp:secretmanager/secretIamMember:SecretIamMember": "projects/{project}/secrets/{secretId}" + _GRANT,
    "gcp:cloudrunv2/service:Service": _SERVICE,
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": _SERVICE + _GRANT,
    "gcp:cloudfunctionsv2/function:Function": "projects/{project}/locations/{location}/functions/{name}",
    "gcp:storage/bucket:Bucket": "{name}",
    "gcp:storage/bucketIAMMember:BucketIAMMember": "b/{bucket}" + _GRANT,
    "gcp:eventarc/trigger:Trigger": "projects/{project}/locations/{location}/triggers/{name}",
    "gcp:cloudscheduler/job:Job": "projects/{project}/locations/{region}/jobs/{name}",
}


def physical_id(kind: str, inputs: Mapping[str, Any]) -> str | None:
    """The id of a resource of Pulumi type `kind` with these inputs (camelCase, as the engine records them)."""
    if kind == "gcp:serviceaccount/account:Account":
        return _account(inputs)
    path = PATHS.get(kind)
    if path is None or any(not isinstance(inputs.get(name), str) for _, name, _, _ in Formatter().parse(path) if name):
        return None
    condition = inputs.get("condition")
    title = f" {condition['title']}" if isinstance(condition, Mapping) and "title" in condition else ""
    return path.format_map(inputs) + title


def _account(inputs: Mapping[str, Any]) -> str | None:
    from mldeploy.providers.gcp.program.accounts import account_email

    project, account = inputs.get("project"), inputs.get("accountId")
    if not isinstance(project, str) or not isinstance(account, str):
        return None
    return f"projects/{project}/serviceAccounts/{account_email(account, project)}"
