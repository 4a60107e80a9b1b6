"""The real part of a stand-in cloud: the deployed image as a container, limited as the service says, on 127.0.0.1."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import docker
from docker.errors import DockerException
from docker.models.containers import Container

LABEL = "mldeploy-test"
POLL_S = 0.1


class NotListeningError(Exception):
    """The container did not answer on its port in time; `log` is what it said."""

    def __init__(self, log: str) -> None:
        super().__init__(log)
        self.log = log


@dataclass(frozen=True)
class Workload:
    """What one revision runs. `mounts` are host files put read-only into the container."""

    image: str
    port: int
    environment: Mapping[str, str]
    memory_mb: int
    start_timeout_s: float = 60.0
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    mounts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """A container that answers."""

    container: Container
    port: int

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """One HTTP request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body or None, dict(headers))
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def lines(self) -> list[tuple[str, str]]:
        """(RFC 3339 time, line) of everything that it wrote."""
        text = self.container.logs(timestamps=True).decode(errors="replace")
        return [(stamp, line) for stamp, _, line in (each.partition(" ") for each in text.splitlines())]

    def remove(self) -> None:
        """Stop it and forget it."""
        with contextlib.suppress(DockerException):
            self.container.remove(force=True)


class Engine:
    """Starts containers. `owner` marks them, so that a test can find what was left."""

    def __init__(self, owner: str) -> None:
        self._client: Any = docker.from_env()
        self._owner = owner

    def run(self, workload: Workload) -> Running:
        """Start it and wait until something listens on its port. Raises NotListeningError."""
        self._client.images.pull(workload.image)
        container = self._client.containers.run(
            workload.image,
            list(workload.command) or None,
            entrypoint=list(workload.entrypoint) or None,
            detach=True,
            environment=dict(workload.environment),
            ports={f"{workload.port}/tcp": ("127.0.0.1", None)},
            mem_limit=f"{workload.memory_mb}m",
            read_only=True,
            tmpfs={"/tmp": "size=256m"},
            cap_drop=["ALL"],
            volumes={host: {"bind": inside, "mode": "ro"} for host, inside in workload.mounts.items()},
            labels={LABEL: self._owner},
        )
        deadline = time.monotonic() + workload.start_timeout_s
        while time.monotonic() < deadline:
            container.reload()
            if container.status == "exited":
                break
            found = (container.ports or {}).get(f"{workload.port}/tcp")
            running = Running(container, int(found[0]["HostPort"])) if found else None
            if running and _answers(running):
                return running
            time.sleep(POLL_S)
        log = container.logs().decode(errors="replace")
        container.remove(force=True)
        raise NotListeningError(log)

    def remove_all(self) -> None:
        """Everything that this owner started."""
        for container in self._client.containers.list(all=True, filters={"label": f"{LABEL}={self._owner}"}):
            with contextlib.suppress(DockerException):
                container.remove(force=True)


def _answers(running: Running) -> bool:
    """Docker's proxy accepts before the process does, so that only an answer counts."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        running.request("GET", "/v2/health/live", {}, b"")
        return True
    return False
