"""The physical names of one deployment, legal at Azure and stable. Global ones carry a digest over the subscription.

Source of the rules: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules, read 2026-11-21. Container
Apps and vaults refuse two hyphens in a row, so that a model named so is written without any.
"""

from __future__ import annotations

from mldeploy.naming import Rule, physical

MAX_APP_CHARS = 32
"""Bounds a container app's name, and is all of a function app's name that the Functions host tells apart."""

_PARTS = {
    "puller": 64,
    "runtime": 64,
    "environment": 32,
    "workspace": 63,
    "insights": 64,
    "plan": 40,
    "actions": 64,
    "errors": 64,
    "throttles": 64,
    "latency": 64,
    "budget": 63,
    "purge": 50,
    "topic": 50,
    "events": 63,
    "logs": 63,
}


def names(model: str, stage: str, subscription: str) -> dict[str, str]:
    """Every name, by what it names. `subscription` is "" where none is known yet: such names are for looking at only."""
    scope = subscription.lower()
    found = {part: physical(_rule(chars, model, stage), model, stage, part) for part, chars in _PARTS.items()}
    return {
        **found,
        "group": physical(Rule(90), model, stage),
        "registry": physical(Rule(50, has_hyphens=False, is_global=True), model, stage, "registry", scope),
        "storage": physical(Rule(24, has_hyphens=False, is_global=True), model, stage, "storage", scope),
        "vault": physical(Rule(24, has_hyphens=False, is_global=True), model, stage, "vault", scope),
        "app": physical(_rule(MAX_APP_CHARS, model, stage), model, stage),
        "site": physical(_rule(MAX_APP_CHARS, model, stage, is_global=True), model, stage, "site", scope),
        "repository": model,
    }


def _rule(max_chars: int, model: str, stage: str, *, is_global: bool = False) -> Rule:
    return Rule(max_chars, has_hyphens="--" not in f"{model}-{stage}", is_global=is_global)
