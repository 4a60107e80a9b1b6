"""What the bootstrap program is given: names, who is trusted, the policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mldeploy.iam.contract import Policy
from mldeploy.iam.trust import ISSUER, Trust
from mldeploy.naming import Rule, physical
from mldeploy.providers.aws.iam import FILE
from mldeploy.providers.aws.names import RULE

# Source: docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, read 2026-11-21.
_BUCKET = Rule(max_chars=63, is_global=True)


def document(deployment: Mapping[str, Any], policy: Policy, trust: Trust) -> dict[str, Any]:
    """Everything that the program needs. An account keeps one provider for one issuer: `has_provider` says that it has."""
    model, stage, region = deployment["name"], deployment["stage"], deployment["region"]
    place = f"{deployment['account']}/{region}"
    return {
        "region": region,
        "account": deployment["account"],
        "partition": deployment["partition"],
        "issuer": ISSUER,
        "subjects": list(trust.subjects),
        "has_provider": trust.has_provider,
        "role": physical(RULE, model, stage, "deployer", region),
        "bucket": physical(_BUCKET, model, stage, "state", place),
        "key_alias": f"alias/{physical(RULE, model, stage, 'state')}",
        "policy": policy.documents[FILE],
        "description": f"Deploys {model} ({stage}) from {trust.repository}",
        "tags": {"tool": "mldeploy", "model": model, "stage": stage, "purpose": "bootstrap"},
    }
