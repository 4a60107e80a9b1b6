"""Plan: what will exist, decided purely from the spec, the bundle and a provider's facts. JSON-serialisable.

ModelSpec + Bundle + Limits ──provider.plan──▶ Plan ──▶ preview (prints it) · driver.up (makes it so) · cost (prices it)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Limit:
    """One limit of a platform: inclusive bounds, the unit in the key it limits, where it is documented, and when it was read.

    `allowed` lists the only values a stepped or enumerated setting may take (empty: any within the bounds).
    """

    low: float | None = None
    high: float | None = None
    allowed: tuple[Any, ...] = ()
    source: str = ""
    date: str = ""


@dataclass(frozen=True)
class Limits:
    """A provider's limits by dotted spec key ("resources.memory_mb"), and the largest request body in bytes."""

    title: str
    by_key: Mapping[str, Limit]
    max_body_bytes: int


@dataclass(frozen=True)
class Setting:
    """One decided value and where it came from ("mldeploy.yaml:12", "stage prod (mldeploy.yaml:40)", "provider default")."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True)
class PlannedResource:
    """One thing that will exist. `kind` and `name` identify it; `detail` is the line a person reads in the preview."""

    kind: str
    name: str
    detail: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What a deployment will be. `environment` has no secret; `secrets` maps names to references, never to values."""

    provider: str
    name: str
    stage: str
    fingerprint: str
    access: str
    settings: tuple[Setting, ...]
    resources: tuple[PlannedResource, ...]
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    fixed_monthly_usd: str | None = None

    def setting(self, key: str) -> Any:
        """The decided value of `key`. Raises KeyError when the plan has no such setting."""
        for entry in self.settings:
            if entry.key == key:
                return entry.value
        raise KeyError(key)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        return asdict(self)
