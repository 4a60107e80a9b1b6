"""One cloud for one test: its API on this machine, a state folder, a project, and the command line to use it with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from plugin.boundary import Act, Boundary

COMMAND_S = 300


@dataclass(frozen=True)
class Thing:
    """One resource as the cloud has it. `token` is its Pulumi type where the cloud is a stand-in, else the service's word."""

    token: str
    physical_id: str


class Hands(Protocol):
    """What somebody can do in the cloud's console, and what the cloud can do to a deployment."""

    def everything(self) -> list[Thing]:
        """All that exists, but for what was there before any deployment."""

    def change_memory(self) -> None:
        """Change the served function by hand."""

    def delete_function(self) -> None:
        """Delete the served function by hand."""

    def refuse_function(self, is_on: bool) -> str:
        """Let the next creates of the function fail (or no more). Words that the error has to have."""


@dataclass
class Lab:
    """`cloud` is the provider's name, `clouds_block` its block of the spec."""

    cloud: str
    hands: Hands
    project: Path
    environment: Mapping[str, str]
    boundary: Boundary
    clouds_block: dict[str, Any]
    spec: dict[str, Any] = field(default_factory=dict)

    def write_spec(self, **changes: Any) -> None:
        """Write the spec with `changes` at its top level."""
        self.spec = {**self.spec, **changes}
        (self.project / "mldeploy.yaml").write_text(json.dumps(self.spec, indent=1))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`mldeploy …` as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "mldeploy.cli", *arguments],
            cwd=self.project,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """`mldeploy …` to its end, which must be `code`."""
        done = finish(self.start(*arguments))
        told = f"mldeploy {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == code, told
        assert "Traceback" not in done.stderr, told
        return done

    def on_cloud(self, verb: str, *arguments: str, code: int = 0) -> Any:
        """`mldeploy VERB --cloud … --json`, read."""
        done = self.run(verb, "--cloud", self.cloud, *arguments, "--json", code=code)
        return json.loads(done.stdout)

    def up(self, code: int = 0) -> Any:
        """Deploy."""
        return self.on_cloud("up", code=code)

    def up_until(self, at: int, phase: str, *, is_total: bool = False, number: int = signal.SIGKILL) -> int | None:
        """`up`, ended by a signal at a boundary. Its exit status, None when all was done before it got there."""
        process = self.start("up", "--cloud", self.cloud, "--json")
        self.boundary.set(Act(process.pid, at, phase, number, is_total))
        done = finish(process)
        if not self.boundary.clear():
            return done.returncode
        assert done.returncode == 0, f"up failed before the boundary: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return None

    def timed_up(self) -> tuple[Any, float]:
        """Deploy, and how long the command took, s."""
        began = time.monotonic()
        document = self.up()
        return document, time.monotonic() - began


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for it. Its engine may live on and hold the pipes, so that reading must not wait for their end."""
    try:
        output, errors = process.communicate(timeout=COMMAND_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        errors += f"\n(killed after {COMMAND_S} s)"
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)
