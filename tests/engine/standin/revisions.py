"""Revisions and traffic, the idea that both clouds share: each change of the template is a revision, and names and shares of
traffic point at revisions.

    host name ─▶ service, tag ─▶ revision ─▶ container
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from standin.containers import Engine, Running, Workload


@dataclass(frozen=True)
class Share:
    """`revision` "" is the latest; `tag` also gives it a host name of its own."""

    revision: str
    percent: int
    tag: str = ""


@dataclass
class Revision:
    """One version of a service. `running` is None until it is asked the first time, and after it was stopped."""

    name: str
    template: str
    workload: Workload
    running: Running | None = None
    lines: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Service:
    """What a deployed service is at run time."""

    name: str
    revisions: list[Revision] = field(default_factory=list)
    traffic: Sequence[Share] = ()

    @property
    def latest(self) -> Revision:
        """The newest revision."""
        return self.revisions[-1]

    def of_share(self, share: Share) -> Revision | None:
        """The revision that a share points at."""
        if not share.revision:
            return self.latest
        return next((revision for revision in self.revisions if revision.name == share.revision), None)

    def serving(self, tag: str = "") -> Revision | None:
        """Who answers: the revision of this tag, or the one with the most traffic."""
        shares = [share for share in self.traffic if share.tag == tag] if tag else sorted(self.traffic, key=lambda s: s.percent)
        return self.of_share(shares[-1]) if shares else None if tag else self.latest


class Services:
    """All services of one control plane."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._services: dict[str, Service] = {}
        self._lock = threading.RLock()

    def deploy(
        self,
        key: str,
        name: str,
        template: Any,
        workload: Callable[[str], Workload],
        traffic: Sequence[Share],
        revision: str = "",
    ) -> Service:
        """A new revision when the template differs, and the shares of traffic. `workload` is asked with the revision's name;
        `revision` is the name that the template gives, "" for one made up here. Raises NotListeningError, nothing changed."""
        with self._lock:
            service = self._services.get(key) or Service(name)
            text = json.dumps(template, sort_keys=True)
            if not service.revisions or service.latest.template != text:
                made = revision or f"{name}-{len(service.revisions) + 1:05d}-std"
                new = Revision(made, text, workload(made))
                new.running = self._engine.run(new.workload)
                service.revisions.append(new)
            service.traffic = traffic
            self._services[key] = service
            return service

    def find(self, key: str) -> Service | None:
        """The service of a resource."""
        return self._services.get(key)

    def all(self) -> Mapping[str, Service]:
        """Every service by its resource's id."""
        return dict(self._services)

    def running(self, revision: Revision) -> Running:
        """Its container, started again where it was stopped."""
        with self._lock:
            if revision.running is None:
                revision.running = self._engine.run(revision.workload)
            return revision.running

    def remove(self, key: str) -> None:
        """Stop everything of a service."""
        with self._lock:
            service = self._services.pop(key, None)
        for revision in service.revisions if service else ():
            if revision.running:
                revision.running.remove()
