"""The stand-in clouds as a test's laboratory: their control plane started, and somebody's hands in their console."""

from __future__ import annotations

import contextlib
import json
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standin.asking import ask

from engine_lab import certificates
from engine_lab.lab import Thing
from engine_lab.processes import free_port, serving

HERE = Path(__file__).parents[1]


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane: its API, the authorities that make its door trusted."""

    url: str
    door: int
    authorities: Path
    log: Path


@contextlib.contextmanager
def control_plane(
    cloud: str, folder: Path, scope: dict[str, str], names: list[str], options: dict[str, Any] | None = None
) -> Iterator[ControlPlane]:
    """Started in `folder`; `names` are the host names of its door."""
    api, door = free_port(), free_port()
    bundle, certificate, key = certificates.make(folder, names)
    document = {
        "cloud": cloud,
        "api": api,
        "door": door,
        "certificate": str(certificate),
        "key": str(key),
        "scope": scope,
        "owner": uuid.uuid4().hex,
        "options": options or {},
    }
    log = folder / "control-plane.log"
    command = [sys.executable, "-m", "standin.control", json.dumps(document)]
    with serving(command, api, log, {"PYTHONPATH": str(HERE)}):
        yield ControlPlane(f"http://127.0.0.1:{api}", door, bundle, log)


@dataclass
class StandInHands:
    """Somebody in the console of a stand-in. `function` is the type of what serves."""

    url: str
    function: str
    refusal: str

    def _all(self) -> list[dict[str, Any]]:
        return list(ask("all", self.url)["resources"])

    def everything(self) -> list[Thing]:
        """All that exists."""
        return [Thing(found["token"], found["physical_id"]) for found in self._all()]

    def served(self) -> dict[str, Any]:
        """The record of what serves."""
        return next(found for found in self._all() if found["token"].endswith(self.function))

    def change_memory(self) -> None:
        """Change what serves by hand: its labels or tags, which every type has."""
        found = self.served()
        key = "labels" if "labels" in found["inputs"] else "tags"
        changed = {**found["inputs"][key], "stage": "by-hand"}
        ask("drift", self.url, token=found["token"], id=found["physical_id"], changes={key: changed})

    def delete_function(self) -> None:
        """Delete what serves by hand."""
        found = self.served()
        ask("lose", self.url, token=found["token"], id=found["physical_id"])

    def refuse_function(self, is_on: bool) -> str:
        """Let creates of what serves fail with the cloud's words, or stop that."""
        ask("fault", self.url, urn=self.function, message=self.refusal, times=99 if is_on else -99)
        return self.refusal
