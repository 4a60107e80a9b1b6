"""The driver of every cloud that is deployed by Pulumi stacks. What only one cloud knows is behind `Cloud`.

    up ─▶ deploying · preview ─▶ previewing · status, outputs ─▶ reading · refresh, unlock, history ─▶ upkeep
    destroy ─▶ destroying · eject ─▶ eject

Importing it imports neither Pulumi nor any SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import DeployError
from mldeploy.plan import Plan
from mldeploy.progress import Reporter
from mldeploy.providers.contract import Change, Endpoint, Event, Outputs, Preview, Status
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks import reading
from mldeploy.stacks.cloud import Cloud
from mldeploy.stacks.deployment import Deployment
from mldeploy.stacks.records import Record


@dataclass(frozen=True)
class StackDriver:
    """`Driver`, `Stacked` and `Ejectable` over one cloud.

    `planner` is the provider's `plan`: `eject` writes out what is planned."""

    cloud: Cloud
    name: str
    stage: str
    planner: Callable[[LoadedSpec, Bundle], Plan]
    loaded: LoadedSpec | None = None

    @property
    def _deployment(self) -> Deployment:
        return Deployment(self.cloud, self.name, self.stage, self.loaded)

    # ── Driver ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def up(self, plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter) -> Outputs:
        from mldeploy.stacks import deploying

        return deploying.up(self._deployment, plan, bundle, loaded, report)

    def status(self) -> Status:
        return reading.status(self._deployment)

    def outputs(self) -> Outputs | None:
        record = self._served()
        return reading.outputs(self.cloud, record) if record is not None else None

    def endpoint(self) -> Endpoint | None:
        record = self._served()
        if record is None:
            return None
        return self.cloud.endpoint(reading.document_of(record), record.outputs, is_candidate=False)

    def logs(self, *, follow: bool, since_s: float | None, tail: int | None) -> Iterator[str]:
        record = self._served()
        if record is None:
            raise DeployError(f"{self._deployment.title} is not deployed", f"mldeploy up --cloud {self.cloud.name}")
        return self.cloud.logs(reading.document_of(record), record.outputs, follow=follow, since_s=since_s, tail=tail)

    def destroy(self, report: Reporter) -> bool:
        from mldeploy.stacks import destroying

        return destroying.destroy(self._deployment, report)

    def _served(self) -> Record | None:
        record = reading.current(self._deployment)
        return record if record is not None and reading.is_serving(record) else None

    # ── Stacked ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def preview(self, plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter, *, is_offline: bool) -> Preview:
        from mldeploy.stacks import previewing

        return previewing.preview(self._deployment, plan, bundle, loaded, report, is_offline=is_offline)

    def history(self, limit: int) -> tuple[Event, ...]:
        from mldeploy.stacks import upkeep

        return upkeep.history(self._deployment, limit)

    def refresh(self, report: Reporter) -> tuple[Change, ...]:
        from mldeploy.stacks import upkeep

        return upkeep.refresh(self._deployment, report)

    def unlock(self, report: Reporter, *, is_forced: bool) -> bool:
        from mldeploy.stacks import upkeep

        return upkeep.unlock(self._deployment, report, is_forced=is_forced)

    # ── Ejectable ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def eject(self, loaded: LoadedSpec, bundle: Bundle, folder: Path, report: Reporter) -> tuple[Path, ...]:
        from mldeploy.stacks import eject

        return eject.eject(self._deployment, loaded, bundle, folder, report, self.planner)


def deployments(cloud: Cloud) -> Iterable[Status]:
    """Every deployment of `cloud` that this machine remembers. No network, no engine."""
    return reading.deployments(cloud)
