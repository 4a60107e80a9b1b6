"""Transcripts against the real program; README.md in this folder explains their form."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
EXAMPLES = FOLDER.parents[1] / "examples"
LIMIT_S = 90
PLACEHOLDERS = {
    "time": r"\d+(\.\d+)? (s|min \d+ s)",
    "port": r"\d{2,5}",
    "pid": r"\d+",
    "hash": r"[0-9a-f]{7,64}",
    "number": r"[\d.,e+-]+",
    "any": r".*?",
}


@dataclass
class Step:
    """One command and what is expected of it."""

    command: str
    line: int
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    code: int = 0


@dataclass
class Scenario:
    files: dict[str, str]
    steps: list[Step]


def parse(text: str) -> Scenario:
    """Read one transcript. A line of no known form after the first command is an error of the transcript."""
    scenario = Scenario({}, [])
    name = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.fullmatch(r"-- (\S*) ?--", line)
        if header:
            name = header[1]
            scenario.files.setdefault(name, "") if name else None
        elif line.startswith("$ "):
            name = ""
            scenario.steps.append(Step(line[2:], number))
        elif name:
            scenario.files[name] += line + "\n"
        elif scenario.steps and line and not line.startswith("# "):
            _expect(scenario.steps[-1], line, number)
    return scenario


def _expect(step: Step, line: str, number: int) -> None:
    kind, text = line[:1], line[2:]
    if kind == ">":
        step.stdout.append(text)
    elif kind == "!":
        step.stderr.append(text)
    elif kind == "?":
        step.code = int(text)
    else:
        raise ValueError(f"line {number} is no output (> or !), exit code (?) or remark (#): {line}")


def pattern(expected: list[str]) -> str:
    """A regular expression for whole outputs."""
    parts = []
    for line in expected:
        if line == "...":
            parts.append(r"(?:.*\n)*?")
            continue
        words = re.split(r"(<[a-z]+>| {2,})", line.rstrip())
        parts.append("".join(_piece(word) for word in words) + r" *\n")
    return "".join(parts)


def _piece(word: str) -> str:
    if word.startswith("<") and word[1:-1] in PLACEHOLDERS:
        return PLACEHOLDERS[word[1:-1]]
    return " +" if word and not word.strip() else re.escape(word)


def check(step: Step, done: subprocess.CompletedProcess[str]) -> str:
    """What differs, or ""."""
    problems = []
    if done.returncode != step.code:
        problems.append(f"exit code {done.returncode}, expected {step.code}")
    for name, expected, got in (("stdout", step.stdout, done.stdout), ("stderr", step.stderr, done.stderr)):
        if not re.fullmatch(pattern(expected), got):
            problems.append(f"{name} differs. Expected:\n{chr(10).join(expected)}\nGot:\n{got}")
    if not problems:
        return ""
    return (
        f"line {step.line}: $ {step.command}\n"
        + "\n".join(problems)
        + f"\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
    )


def processes_of(state: Path) -> Iterator[int]:
    """Every process that was started with this state folder."""
    mark = f"MLDEPLOY_STATE_DIR={state}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                yield int(entry.name)
        except OSError:
            continue


def clean_up(environ: dict[str, str], state: Path, folder: Path) -> None:
    """Destroy what the scenario deployed; then end whatever is left of it, and nothing else."""

    def mldeploy(*words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "mldeploy.cli", *words],
            env=environ,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        ).stdout

    for status in json.loads(mldeploy("status", "--all", "--json") or "[]"):
        mldeploy("destroy", "-y", "--name", status["name"], "-e", status["stage"])
    for _ in range(50):
        left = list(processes_of(state))
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_scenario(path: Path, tmp_path: Path) -> None:
    scenario = parse(path.read_text())
    assert scenario.steps, "a scenario without a command shows nothing"
    folder, state, bin_folder = tmp_path / "work", tmp_path / "state", tmp_path / "bin"
    for made in (folder, bin_folder):
        made.mkdir()
    for name, text in scenario.files.items():
        (folder / name).write_text(text)
    for name, command in {
        "mldeploy": f'exec "{sys.executable}" -m mldeploy.cli "$@"',
        "python": f'exec "{sys.executable}" "$@"',
    }.items():
        (bin_folder / name).write_text(f"#!/bin/sh\n{command}\n")
        (bin_folder / name).chmod(0o755)
    environ = {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "MLDEPLOY_STATE_DIR": str(state),
        "EXAMPLES": str(EXAMPLES),
        "LANG": "C.UTF-8",
    }
    try:
        for step in scenario.steps:
            done = subprocess.run(
                ["bash", "-c", step.command],
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=LIMIT_S,
            )
            problem = check(step, done)
            assert not problem, f"{path.name} {problem}"
    finally:
        clean_up(environ, state, folder)
    assert list(processes_of(state)) == []
