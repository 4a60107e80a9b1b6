"""What exists in a stand-in cloud: one record a resource, and what a test wants to go wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from standin.clouds import CLOUDS, StandInCloud
from standin.kind import Kind, Scope, number


class ConflictError(Exception):
    """Refused, in the cloud's words."""


@dataclass
class Record:
    """One resource. `outputs` are the inputs and what the cloud added."""

    token: str
    physical_id: str
    urn: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass
class Fault:
    """The next `times` creates or updates of a resource whose urn contains `urn` fail with `message`."""

    urn: str
    message: str
    times: int


Settle = Callable[[Record], Mapping[str, Any]]
"""Makes it so beyond the record (runs the image), and says what the cloud adds; raises ConflictError."""


class Store:
    """Everything that one control plane holds. Used by many threads."""

    def __init__(self, cloud: StandInCloud, scope: Scope) -> None:
        self.cloud = cloud
        self.scope = scope
        self.records: dict[tuple[str, str], Record] = {}
        self.faults: list[Fault] = []
        self._created = 0
        self.lock = threading.RLock()

    def kind(self, token: str) -> Kind:
        """The type of a token."""
        return self.cloud.kind(token)

    def create(self, token: str, urn: str, inputs: dict[str, Any], settle: Settle) -> Record:
        """A new resource. Raises ConflictError, with nothing made."""
        kind = self.kind(token)
        with self.lock:
            self._stumble(urn)
            self._created += 1
            assigned = number(urn, str(self._created))
            physical_id = self.cloud.physical_id(kind, self.scope, inputs, assigned)
            if (token, physical_id) in self.records and not kind.is_binding:
                raise ConflictError(self.cloud.conflict(kind, token, physical_id))
        return self._settled(kind, Record(token, physical_id, urn, inputs), settle)

    def update(self, token: str, urn: str, physical_id: str, inputs: dict[str, Any], settle: Settle) -> Record:
        """Change a resource in place. Raises ConflictError, with nothing changed."""
        with self.lock:
            self._stumble(urn)
            if (token, physical_id) not in self.records:
                raise ConflictError(f"Error 404: {physical_id} was not found")
        return self._settled(self.kind(token), Record(token, physical_id, urn, inputs), settle)

    def _settled(self, kind: Kind, record: Record, settle: Settle) -> Record:
        record.outputs = self.cloud.outputs(kind, self.scope, record.physical_id, record.inputs)
        record.outputs |= settle(record)
        with self.lock:
            self.records[record.token, record.physical_id] = record
        return record

    def _stumble(self, urn: str) -> None:
        for fault in self.faults:
            if fault.urn in urn and fault.times > 0:
                fault.times -= 1
                raise ConflictError(fault.message)

    def read(self, token: str, physical_id: str) -> Record | None:
        """The resource, None when there is none."""
        return self.records.get((token, physical_id))

    def delete(self, token: str, physical_id: str) -> Record | None:
        """Remove it; None when it was not there."""
        with self.lock:
            return self.records.pop((token, physical_id), None)

    def of(self, suffix: str) -> list[Record]:
        """Every resource whose token ends so, oldest first."""
        with self.lock:
            return [record for record in self.records.values() if record.token.endswith(suffix)]


def open_store(cloud: str, scope: Scope) -> Store:
    """An empty cloud."""
    return Store(CLOUDS[cloud], scope)
