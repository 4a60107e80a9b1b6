"""The provider object: settings, limits, rules and the plan. Pure: it imports no SDK and touches nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, Field

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import Problem
from mldeploy.plan import Limit, Limits, Plan, PlannedResource, Setting
from mldeploy.providers.contract import Driver, Finding, Status
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import Section

DEFAULTS = {"resources.memory_mb": 512, "resources.timeout_s": 10.0}


class ToySettings(Section):
    """The block `clouds.toy`."""

    region: str = Field(default="nursery", description="where the toys are")


class ToyCloud:
    """A cloud that lives in one process."""

    name = "toy"
    title = "Toy Cloud"
    Settings: type[BaseModel] = ToySettings
    limits = Limits(
        title="Toy Cloud",
        by_key={
            "resources.memory_mb": Limit(low=64, high=2048, source="the label on the box", date="2026-11-21"),
            "resources.timeout_s": Limit(high=60, source="the label on the box", date="2026-11-21"),
            "resources.architecture": Limit(allowed=("x86_64",), source="the label on the box", date="2026-11-21"),
        },
        max_body_bytes=1_000_000,
    )

    def problems(self, loaded: LoadedSpec) -> Iterator[Problem]:
        if loaded.spec.access == "key":
            yield loaded.problem("access", "Toy Cloud has no keys", "write private or public")

    def plan(self, loaded: LoadedSpec, bundle: Bundle) -> Plan:
        settings = tuple(self._settings(loaded))
        region = next(entry.value for entry in settings if entry.key == "clouds.toy.region")
        timeout = next(entry.value for entry in settings if entry.key == "resources.timeout_s")
        return Plan(
            provider=self.name,
            name=loaded.spec.name,
            stage=loaded.stage,
            fingerprint=bundle.fingerprint,
            access=loaded.spec.access,
            settings=settings,
            resources=(PlannedResource("toy", f"{loaded.spec.name}-{loaded.stage}", f"bundle {bundle.short} in {region}"),),
            environment={**loaded.spec.env, "MLDEPLOY_STAGE": loaded.stage, "MLDEPLOY_TIMEOUT_S": f"{timeout:g}"},
            secrets={name: reference or f"env:{name}" for name, reference in loaded.spec.secrets.items()},
            tags=dict(loaded.spec.tags),
            fixed_monthly_usd="0.00",
        )

    def _settings(self, loaded: LoadedSpec) -> Iterator[Setting]:
        block = ToySettings.model_validate(loaded.spec.clouds.get(self.name, {}))
        for key, default in DEFAULTS.items():
            said = getattr(loaded.spec.resources, key.partition(".")[2])
            yield Setting(key, default if said is None else said, loaded.origin(key) or "provider default")
        yield Setting("clouds.toy.region", block.region, loaded.origin("clouds.toy.region") or "provider default")

    def checks(self) -> Iterable[Finding]:
        return [Finding("toy box", True, "open")]

    def driver(self, name: str, stage: str, loaded: LoadedSpec | None = None) -> Driver:
        from toycloud.driver import ToyDriver

        return ToyDriver(name, stage)

    def deployments(self) -> Iterable[Status]:
        from toycloud.driver import known

        return [self.driver(name, stage).status() for name, stage in known()]


provider = ToyCloud()
