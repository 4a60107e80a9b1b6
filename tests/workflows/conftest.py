"""A repository with a model, the workflows written into it by the command itself, and act, which runs their jobs here.

Stand-ins, because nothing of it can be had without an account: `mldeploy`, `docker` and `gh` on the runner's PATH write down
how they are called and answer what the workflow goes on with (`standin.py`); the published actions are local folders that do
nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from mldeploy.cli.__main__ import main

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits"
CLOUDS = """
clouds:
  aws: {region: eu-central-1}
  azure: {}
  gcp: {project: my-project}

stages:
  staging: {}
  prod: {}
  preview: {}
"""
TOOLS = Path(sys.executable).parent
USES = re.compile(r"uses: (\S+@\S+)")


@dataclass
class Repository:
    """`folder` is its root. `vars` are the GitHub variables that its environments have."""

    folder: Path
    state: Path
    vars: dict[str, str] = field(default_factory=dict)

    @property
    def workflows(self) -> list[Path]:
        return sorted((self.folder / ".github" / "workflows").glob("*.yml"))

    @property
    def log(self) -> Path:
        return self.state / "calls.jsonl"

    def calls(self, program: str = "mldeploy") -> list[dict[str, Any]]:
        """What the stand-ins were called with, in order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [call for call in map(json.loads, lines) if call["program"] == program]

    def tool(self, name: str, *args: str) -> subprocess.CompletedProcess[str]:
        """Run one of the tools that the development environment brings, in the repository."""
        return subprocess.run([str(TOOLS / name), *args], cwd=self.folder, capture_output=True, text=True, timeout=120)

    def write(self, *options: str) -> int:
        return main(["-q", "-f", str(self.folder / "mldeploy.yaml"), "ci", "github", "--install", "", *options])

    def script(self, name: str, job: str, step: str, values: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run what one step runs, as GitHub does, with `values` in its environment."""
        steps = yaml.safe_load((self.folder / ".github" / "workflows" / name).read_text())["jobs"][job]["steps"]
        text = next(each["run"] for each in steps if each["name"] == step)
        environment = {
            "PATH": os.pathsep.join([str(self.state / "bin"), os.environ["PATH"]]),
            "STANDIN_LOG": str(self.log),
            **values,
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60)

    def act(
        self, name: str, job: str, event: str, payload: dict[str, Any], *, is_real: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run one job. `is_real`: with the real mldeploy, on this machine's own provider."""
        text = (self.folder / ".github" / "workflows" / name).read_text()
        (self.state / "event.json").write_text(json.dumps(payload))
        command = [str(TOOLS / "act"), event, "--workflows", f".github/workflows/{name}", "--job", job]
        command += [
            "--platform",
            "ubuntu-24.04=-self-hosted",
            "--pull=false",
            "--no-cache-server",
            "--eventpath",
            str(self.state / "event.json"),
        ]
        for uses in sorted(set(USES.findall(text))):
            command += ["--local-repository", f"{uses}={self.state / 'action'}"]  # but checking this out act does itself
        command += [part for item in self.vars.items() for part in ("--var", "=".join(item))]
        programs = [str(TOOLS)] if is_real else [str(self.state / "bin"), str(TOOLS)]
        environment = {
            "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
            "HOME": str(self.state),
            "MLDEPLOY_STATE_DIR": str(self.state / "mldeploy"),
            "STANDIN_LOG": str(self.log),
        }
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=180)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    folder, state = tmp_path / "digits", tmp_path / "state"
    shutil.copytree(DIGITS, folder)
    with (folder / "mldeploy.yaml").open("a") as file:
        file.write(CLOUDS)
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["remote", "add", "origin", "https://github.com/ada/digits.git"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    (state / "bin").mkdir(parents=True)
    for program in ("mldeploy", "docker", "gh"):
        standin = state / "bin" / program
        standin.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("standin.py")} {program} "$@"\n')
        standin.chmod(0o755)
    (state / "action").mkdir()
    (state / "action" / "action.yml").write_text(
        "name: stand-in\nruns:\n  using: composite\n  steps:\n    - run: 'true'\n      shell: bash\n"
    )
    commit = ["-c", "user.email=ada@example.com", "-c", "user.name=Ada", "commit", "--quiet", "--message", "Add a model"]
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", *commit], cwd=folder, check=True)
    return Repository(folder, state)
