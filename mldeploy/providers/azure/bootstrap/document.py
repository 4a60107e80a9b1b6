"""What the bootstrap program is given: names, who is trusted, the role and its condition. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from mldeploy.iam.contract import Policy
from mldeploy.iam.trust import ISSUER, Trust
from mldeploy.naming import Rule, physical
from mldeploy.providers.azure.iam import ASSIGNMENT_FILE, ROLE_FILE

_NAMESPACE = uuid.UUID("6d6c6465-706c-4f79-8a61-7a7572650002")
_GLOBAL = Rule(24, has_hyphens=False, is_global=True)


def document(deployment: Mapping[str, Any], policy: Policy, trust: Trust) -> dict[str, Any]:
    """One federated credential for each environment: Azure compares one whole subject."""
    trust.own_provider("Azure")
    model, stage, subscription = deployment["model"], deployment["stage"], deployment["subscription"]
    role, assignment = policy.documents[ROLE_FILE], policy.documents[ASSIGNMENT_FILE]
    scope = f"/subscriptions/{subscription}"
    group = physical(Rule(90), model, stage, "deployer")
    return {
        "subscription": subscription,
        "location": deployment["location"],
        "group": group,
        "identity": physical(Rule(64), model, stage, "deployer"),
        "storage": physical(_GLOBAL, model, stage, "state", subscription.lower()),
        "vault": physical(_GLOBAL, model, stage, "statekey", subscription.lower()),
        "issuer": ISSUER,
        "subjects": dict(zip(trust.environments, trust.subjects, strict=True)),
        "scope": scope,
        "role": dict(role),
        "condition": assignment["condition"],
        # A role's id and an assignment's name are UUIDs; made from what they are for, a second run finds the first one's.
        "ids": {part: str(uuid.uuid5(_NAMESPACE, f"{scope}/{group}/{part}")) for part in ("role", "deploy", "state", "key")},
        "tags": {"tool": "mldeploy", "model": model, "stage": stage, "purpose": "bootstrap"},
    }
