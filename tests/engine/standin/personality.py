"""What the two clouds do differently at run time, as the control plane sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from docker.errors import APIError

from standin.containers import NotListeningError, Workload
from standin.revisions import Services, Share
from standin.store import ConflictError, Record, Store
from standin.web import Answer, Asked, Routes

DOMAIN = "standin.test"
"""Every host name of a stand-in ends so; the tests resolve it to this machine."""


@dataclass
class World:
    """What one control plane is made of. `door` is the port of the front door, `url` the API's own address."""

    store: Store
    services: Services
    door: int
    url: str
    config: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, list[str]] = field(default_factory=dict)
    """Secret id -> its values, newest last"""
    tokens: dict[str, str] = field(default_factory=dict)
    """Token -> whose"""
    options: dict[str, Any] = field(default_factory=dict)

    def deploy(self, record: Record, template: Any, workload: Any, traffic: list[Share], revision: str = "") -> Any:
        """Run what a service says; the cloud's words where it does not listen."""
        name = record.physical_id.rsplit("/", 1)[1]
        try:
            return self.services.deploy(record.physical_id, name, template, workload, traffic, revision)
        except APIError as error:
            raise ConflictError(f"Image '{workload('').image}' not found.") from error
        except NotListeningError as error:
            raise ConflictError(
                f"Revision of '{name}' is not ready and cannot serve traffic. The user-provided container failed to start and "
                f"listen on the port defined provided by the PORT environment variable within the allocated timeout. Logs: "
                f"{error.log[-1500:]}"
            ) from error


class Personality(Protocol):
    """One cloud."""

    def settle(self, record: Record) -> Mapping[str, Any]:
        """Make it so, and say what the cloud adds to the outputs."""

    def removed(self, record: Record) -> None:
        """What else goes with it."""

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """A function of the provider (a look-up)."""

    def route(self, routes: Routes) -> None:
        """Add the REST endpoints that mldeploy's own client uses."""

    def visit(self, host: str, asked: Asked) -> Answer:
        """A request to a deployed service."""


__all__ = ["DOMAIN", "Personality", "Workload", "World"]
