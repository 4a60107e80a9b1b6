"""The names and tags of everything that a deployment has at AWS. Pure."""

from __future__ import annotations

from mldeploy.naming import Rule, physical
from mldeploy.spec.loaded import LoadedSpec

# The tightest of the names in use: Lambda functions, IAM roles and schedules take 64 characters.
# Source: docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html, read 2026-11-21.
RULE = Rule(max_chars=64)
# Roles and budgets are the account's, not a region's: their digest covers the region.
_OF_ACCOUNT = ("role", "role_policy", "schedule_role", "schedule_policy", "budget")
_PARTS = (
    *("secret", "topic", "api", "schedule", "alarm_errors", "alarm_answers", "alarm_throttles", "alarm_p95"),
    *_OF_ACCOUNT,
)
OWN_TAGS = ("tool", "model", "stage", "deployment", "fingerprint")


def names_of(model: str, stage: str, region: str) -> dict[str, str]:
    """Physical names by what they name."""
    function = physical(RULE, model, stage)
    named = {
        part: physical(RULE, model, stage, part.replace("_", "-"), region if part in _OF_ACCOUNT else "") for part in _PARTS
    }
    return {"function": function, "repository": function, "log_group": f"/aws/lambda/{function}", **named}


def tags_of(loaded: LoadedSpec, function: str, fingerprint: str) -> dict[str, str]:
    """What everything carries: the user's own tags, and ours. `deployment` is the one that tells a model's stages apart."""
    own = ("mldeploy", loaded.spec.name, loaded.stage, function, fingerprint[:12])
    return {**loaded.spec.tags, **dict(zip(OWN_TAGS, own, strict=True))}
