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
class Recipe:
    """What an image is made of besides the bundle; with the bundle it decides every byte that we add to the base.

    `base` is the reference of the base image, `python` its "3.13", for which wheels are chosen. `requirements` names groups of
    locked packages (`mldeploy/image/locks/`); `modules` are packages of mldeploy that ship ("mldeploy.handlers" and the
    provider's entry package), importable in the image under their own names; `files` maps further absolute paths to their text.
    `probe` is the command that reads requests from stdin and answers them inside the image, through the entry point.
    `user_requirements` is the text of the user's own hashed requirements file. `max_mb` bounds the uncompressed image.
    """

    base: str
    architecture: str
    python: str
    engine: str
    requirements: tuple[str, ...]
    modules: tuple[str, ...]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    probe: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    packages_dir: str = "/opt/mldeploy/packages"
    app_dir: str = "/opt/mldeploy/app"
    bundle_dir: str = "/opt/mldeploy/bundle"
    workdir: str = "/opt/mldeploy/app"
    user: str = "10001:10001"
    port: int | None = None
    user_requirements: str = ""
    max_mb: int = 10_000


@dataclass(frozen=True)
class Plan:
    """What a deployment will be. `environment` has no secret; `secrets` maps names to references, never to values.

    `image` is None where nothing is built. `program` is the JSON document that the provider's stack programs read: physical
    names, sizes, switches; whatever they need and nothing that only exists once something is deployed.
    """

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
    image: Recipe | None = None
    program: Mapping[str, Any] = field(default_factory=dict)

    def setting(self, key: str) -> Any:
        """The decided value of `key`. Raises KeyError when the plan has no such setting."""
        for entry in self.settings:
            if entry.key == key:
                return entry.value
        raise KeyError(key)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        return asdict(self)
