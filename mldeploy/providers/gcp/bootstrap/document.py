"""What the bootstrap program is given: names, who is trusted, the roles and the condition of the second one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mldeploy.iam.contract import Policy
from mldeploy.iam.trust import ISSUER, Trust
from mldeploy.naming import Rule, physical
from mldeploy.providers.gcp import iam
from mldeploy.providers.gcp.names import ACCOUNT, BUCKET

# Source: cloud.google.com/iam/docs/manage-workload-identity-pools-providers, read 2026-11-21.
_POOL = Rule(max_chars=32)
_KEY = Rule(max_chars=63)
APIS = ("cloudkms", "cloudresourcemanager", "iam", "iamcredentials", "serviceusage", "storage", "sts")


def document(deployment: Mapping[str, Any], policy: Policy, trust: Trust) -> dict[str, Any]:
    """Everything that the program needs."""
    trust.own_provider("Google Cloud")
    project, model = deployment["project"], deployment["model"]
    stage = deployment["stage"]
    plain, grants = iam.role_ids(deployment)
    return {
        "project": project,
        "region": deployment["region"],
        "apis": [f"{name}.googleapis.com" for name in APIS],
        "issuer": ISSUER,
        "repository": trust.repository,
        "subjects": dict(zip(trust.environments, trust.subjects, strict=True)),
        "pool": physical(_POOL, model, stage, "github"),
        "account": physical(ACCOUNT, model, stage, "deploy"),
        "description": f"Deploys {model} ({stage}) from {trust.repository}",
        "role": (plain, policy.documents[iam.ROLES_FILE]),
        "grants": (grants, policy.documents[iam.GRANTS_FILE]) if iam.GRANTS_FILE in policy.documents else None,
        "condition": policy.documents.get(iam.CONDITION_FILE),
        "bucket": physical(BUCKET, model, stage, "state", project),
        "key_ring": physical(_KEY, model, stage, "state"),
        "labels": {"tool": "mldeploy", "model": model, "stage": stage, "purpose": "bootstrap"},
    }
