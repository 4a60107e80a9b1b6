"""One container of a sweep: made with limits, started by whoever times it, looked at from outside, removed on the way out."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from mldeploy.bench.memory import memory_bytes
from mldeploy.errors import DeployError, MldeployError
from mldeploy.image.engine import Engine, translated

LABEL = "mldeploy.sweep"
KILLED = 137
ENDING_S = 2.0
_SHOWN_LINES = 12
_MB = 1 << 20


def mark(pid: int) -> str:
    """The label's value: which process of which machine has made a container."""
    return f"{socket.gethostname()}:{pid}"


def remove_left(engine: Engine) -> int:
    """Remove what sweeps of this machine left that were killed outright; how many. One that lives keeps its own."""
    with translated("Docker does not list its containers"):
        found = engine.api.containers(all=True, filters={"label": LABEL})
    removed = 0
    for each in found:
        host, _, pid = each["Labels"][LABEL].rpartition(":")
        if host == socket.gethostname() and pid.isdecimal() and not _is_alive(int(pid)):
            engine.remove(each["Id"])
            removed += 1
    return removed


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


class OutOfMemoryError(Exception):
    """The container was killed for memory."""


@dataclass(frozen=True)
class Shell:
    """What the container is made of. `settings` are those of `image.gates.confinement`, and the limits."""

    image: str
    probe: tuple[str, ...]
    port: int | None
    settings: Mapping[str, Any]


class Container:
    """A context manager: enter makes it, `start` starts it, leaving removes it."""

    def __init__(self, engine: Engine, shell: Shell) -> None:
        self._engine, self._shell = engine, shell
        self.id = ""
        self.started_s = 0.0

    def __enter__(self) -> Container:
        settings = dict(self._shell.settings)
        environment, user = dict(settings.pop("environment")), settings.pop("user")
        port, api = self._shell.port, self._engine.api
        if port is not None:
            # Reached by this machine alone; the network is the engine's default bridge.
            settings = {**settings, "port_bindings": {port: ("127.0.0.1", None)}, "network_mode": "bridge"}
            how: dict[str, Any] = {"ports": [port]}
            environment |= {"PORT": str(port), "MLDEPLOY_ACCESS": "public"}
        else:
            how = {"entrypoint": self._shell.probe[:1], "command": list(self._shell.probe[1:])}
            how |= {"stdin_open": True, "network_disabled": True}
        with translated("Docker cannot make a container with these limits"):
            made = api.create_container(
                self._shell.image, environment=environment, user=user, labels={LABEL: mark(os.getpid())},
                host_config=api.create_host_config(**settings), **how,
            )  # fmt: skip
        self.id = str(made["Id"])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._engine.remove(self.id)

    def start(self) -> None:
        """Start it, and the clock."""
        self.started_s = time.perf_counter()
        self._engine.start(self.id)

    def attach(self) -> Any:
        """Its standard input and output; not its standard error, which `why` reads when it is wanted."""
        with translated("Docker cannot talk to the container"):
            return self._engine.api.attach_socket(self.id, params={"stdin": 1, "stdout": 1, "stream": 1})

    def address(self) -> tuple[str, int]:
        """Where its port is to be reached from here. Raises OutOfMemoryError or DeployError when it has ended already."""
        with translated("Docker does not say the container's port"):
            bound = self._engine.api.port(self.id, self._shell.port)
        if not bound:
            raise self.lost(OSError("its port is not bound"))
        return "127.0.0.1", int(bound[0]["HostPort"])

    def look(self) -> None:
        """Return when it runs. Raises OutOfMemoryError when it was killed for memory, DeployError when it ended otherwise."""
        state = self._engine.state(self.id)
        if state.get("OOMKilled") or state.get("ExitCode") == KILLED:
            raise OutOfMemoryError
        if not state.get("Running"):
            raise self.failure(f"it ended with exit code {state.get('ExitCode')}")

    def lost(self, error: OSError) -> DeployError:
        """The error for a conversation that broke off. Raises OutOfMemoryError when the container was killed for memory."""
        until_s = time.monotonic() + ENDING_S
        while time.monotonic() < until_s:  # the engine may not have noticed yet
            self.look()
            time.sleep(0.05)
        return self.failure(str(error))

    def failure(self, reason: str) -> DeployError:
        """The error that says what the container said last."""
        shown = ""
        with contextlib.suppress(MldeployError), translated("Docker does not show the container's log"):
            text = self._engine.api.logs(self.id, stdout=False, stderr=True, tail=_SHOWN_LINES).decode(errors="replace")
            shown = "".join(f"\n    {line}" for line in text.splitlines())
        return DeployError(f"the image does not answer within these limits: {reason}{shown}", "mldeploy build asks it without")

    def processor_ns(self) -> int:
        """Processor time of everything in it so far."""
        return int(self._stats()["cpu_stats"]["cpu_usage"]["total_usage"])

    def peak_mb(self) -> float:
        """The most that its processes had in memory, MiB, where this machine shows them; else what it has now, without files
        that the kernel may drop."""
        pids = [pid for pid in self._pids() if _is_of(pid, self.id)]
        peaks = [memory_bytes(pid).get("peak_rss", 0) for pid in pids]
        if peaks and all(peaks):
            return sum(peaks) / _MB
        memory = self._stats()["memory_stats"]
        files = memory.get("stats", {})
        dropped = files.get("inactive_file", files.get("total_inactive_file", 0))
        return (int(memory.get("usage", 0)) - int(dropped)) / _MB

    def _pids(self) -> list[int]:
        with translated("Docker does not list the container's processes"):
            found = self._engine.api.top(self.id)
        column = found["Titles"].index("PID")
        return [int(row[column]) for row in found["Processes"] or ()]

    def _stats(self) -> dict[str, Any]:
        with translated("Docker does not say what the container uses"):
            return dict(self._engine.api.stats(self.id, stream=False, one_shot=True))


def _is_of(pid: int, container: str) -> bool:
    """Whether a process of this number is one of this container (the engine may run on another machine)."""
    try:
        return container in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False
