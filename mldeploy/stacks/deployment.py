"""One deployment (cloud, name, stage): its record and lock on this machine, and its two stacks at the engine.

Deployment ─open─▶ Stacks(registry, service) ─attempt─▶ an engine operation, its lock cleared, its failure explained
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from mldeploy.progress import Reporter
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.stacks import backend, engine, records
from mldeploy.stacks.backend import Backend
from mldeploy.stacks.cloud import Cloud
from mldeploy.stacks.records import Paths, Record
from mldeploy.state import Lock, make_folder

if TYPE_CHECKING:
    from mldeploy.stacks.automation import Stack
    from mldeploy.stacks.events import Watch

LOCK_WAIT_S = 5.0
REGISTRY, SERVICE = "registry", "service"

T = TypeVar("T")


@dataclass(frozen=True)
class Stacks:
    """What is pushed to and kept, and what serves from it. Made in this order, destroyed in the other."""

    registry: Stack
    service: Stack


@dataclass(frozen=True)
class Deployment:
    """`loaded` is the spec where one is at hand; it may say where the state is."""

    cloud: Cloud
    name: str
    stage: str
    loaded: LoadedSpec | None

    @property
    def title(self) -> str:
        return f"{self.name} (stage {self.stage}) on {self.cloud.title}"

    @property
    def at(self) -> Paths:
        return records.paths(self.cloud.name, self.name, self.stage)

    def record(self) -> Record | None:
        return records.read(self.at)

    def save(self, record: Record) -> Record:
        """Write the record, with the time and our version."""
        from datetime import UTC, datetime

        from mldeploy import __version__

        record = replace(record, version=__version__, updated=datetime.now(UTC).isoformat(timespec="seconds"))
        records.write(self.at, record)
        return record

    def backend(self, record: Record | None) -> Backend:
        return backend.choose(self.loaded, record.backend if record is not None else None)

    @contextlib.contextmanager
    def locked(self, report: Reporter) -> Iterator[None]:
        """This machine's own lock on the deployment, beside the engine's. Raises LockedError naming the holder."""
        waiting = f"to finish with {self.at.folder.name}"
        with Lock(self.at.lock).held(LOCK_WAIT_S, lambda who: report.note(f"waiting for {who} {waiting}")):
            yield

    def stack_name(self, part: str) -> str:
        return f"{self.cloud.name}.{self.stage}.{part}"

    def open(self, record: Record | None, document: Mapping[str, Any]) -> Stacks:
        """Both stacks, made or not. Configures the engine for `document`; with an empty one what was configured stays.
        Raises ProviderError without an engine or what encrypts the state."""
        from mldeploy.stacks.automation import Command, Stack

        chosen = self.backend(record)
        place = engine.find()
        command = Command(place, engine.version(place), chosen.hidden)
        folder = make_folder(self.at.program)
        environment = chosen.environment()
        config = self.cloud.config(document) if document else None
        registry, service = (
            Stack(command, self.name, self.stack_name(part), folder, environment, chosen.secrets_provider)
            for part in (REGISTRY, SERVICE)
        )
        registry.prepare(config)
        service.prepare(config)
        return Stacks(registry, service)

    def attempt(self, stack: Stack, doing: str, work: Callable[[], T], report: Reporter, watch: Watch | None = None) -> T:
        """`work` at the engine. A dead holder's lock is removed, a cut-off state put back, once; a failure is explained,
        beginning with `doing`."""
        from mldeploy.stacks import checkpoint
        from mldeploy.stacks.automation import EngineFailure
        from mldeploy.stacks.diagnostics import explained
        from mldeploy.stacks.locks import cleared

        def restored() -> T:
            try:
                return cleared(stack, work, report)
            except EngineFailure as failure:
                if not checkpoint.is_restored(stack, failure.text, report):
                    raise
            return cleared(stack, work, report)

        try:
            return restored()
        except EngineFailure as failure:
            raise explained(failure, watch.errors if watch is not None else (), self.cloud, doing) from failure
