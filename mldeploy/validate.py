"""Limits, checked before anything is built: what the spec asks for against what a provider gives, offline.

resources.memory_mb: 12000 is above AWS Lambda's 10240 MB (source, date)
fix: lower it to 10240, or deploy to gcp (limit 32768)
"""

from __future__ import annotations

from typing import Any

from mldeploy.errors import Problem, ProviderError
from mldeploy.plan import Limit
from mldeploy.providers import registry
from mldeploy.providers.contract import Provider
from mldeploy.spec.loaded import LoadedSpec

_UNITS = {"_mb": " MB", "_s": " s"}


def validate(loaded: LoadedSpec, provider: Provider) -> tuple[Problem, ...]:
    """Every limit and rule of `provider` that the spec breaks, in file order. A key that is left out breaks none."""
    found = list(provider.problems(loaded))
    for key, limit in provider.limits.by_key.items():
        value = _value(loaded, key)
        if value is not None and (message := _broken(key, value, limit, provider.limits.title)):
            found.append(loaded.problem(key, message, _fix(key, value, limit, provider.name)))
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (each.line, each.column, each.path, each.message)))


def _value(loaded: LoadedSpec, key: str) -> Any:
    """The value that the spec gives to a dotted key, or None."""
    value: Any = loaded.spec
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else getattr(value, part, None)
    return value


def _broken(key: str, value: Any, limit: Limit, title: str) -> str | None:
    """What is wrong with `value`, or None."""
    cited = ", ".join(part for part in (limit.source, limit.date) if part)
    cited = f" ({cited})" if cited else ""
    if limit.allowed and value not in limit.allowed:
        return f"{value} is not one of {title}'s {_list(limit.allowed)}{_unit(key)}{cited}"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if limit.high is not None and value > limit.high:
        return f"{value:g} is above {title}'s {limit.high:g}{_unit(key)}{cited}"
    if limit.low is not None and value < limit.low:
        return f"{value:g} is below {title}'s {limit.low:g}{_unit(key)}{cited}"
    return None


def _fix(key: str, value: Any, limit: Limit, own: str) -> str:
    if limit.allowed and value not in limit.allowed:
        change = f"write one of {_list(limit.allowed)}"
    elif limit.high is not None and value > limit.high:
        change = f"lower it to {limit.high:g} at most"
    else:
        change = f"raise it to {limit.low:g} at least"
    return change + _elsewhere(key, value, own)


def _elsewhere(key: str, value: Any, own: str) -> str:
    """Which other installed providers would take it. A provider that cannot be loaded is no advice."""
    takers = []
    for name in registry.names():
        if name == own:
            continue
        try:
            limit = registry.get(name).limits.by_key.get(key, Limit())
        except ProviderError:
            continue
        if not key.startswith("clouds.") and _broken(key, value, limit, name) is None:
            takers.append(f"{name} (limit {limit.high:g})" if limit.high is not None else name)
    return f", or deploy to {' or '.join(takers)}" if takers else ""


def _list(values: tuple[Any, ...]) -> str:
    return ", ".join(map(str, values))


def _unit(key: str) -> str:
    return next((unit for suffix, unit in _UNITS.items() if key.endswith(suffix)), "")
