"""Wheels: each pinned package as the wheel for the image's Python and processor, fetched once, kept by its hash.

    Pin… ─▶ cache/<python>-<arch>/<wheel>, hash checked ─ missing ones: pip download ─▶ Path…

pip does the fetching, so that the user's index, proxy, certificates and credentials hold. It builds nothing (wheels only) and
takes nothing whose hash is not in the pin.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mldeploy.errors import DeployError, GateError, MldeployError, ProviderError
from mldeploy.image.pins import Pin, normalised
from mldeploy.progress import Step
from mldeploy.state import make_folder, state_dir, state_error

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
NEWEST_GLIBC, OLDEST_GLIBC = 34, 5  # 2.34 is Amazon Linux 2023's; Debian 12 and 13 have newer ones
_NO_WHEEL = re.compile(
    r"No matching distribution found for (\S+)|Could not find a version that satisfies the requirement (\S+)"
)


@dataclass(frozen=True)
class Target:
    """What the wheels must run on: Python "3.13", architecture "x86_64" or "arm64"."""

    python: str
    architecture: str

    @property
    def name(self) -> str:
        return f"{self.python}-{self.architecture}"

    @property
    def flags(self) -> list[str]:
        machine = MACHINES[self.architecture]
        tag = "cp" + self.python.replace(".", "")
        platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(NEWEST_GLIBC, OLDEST_GLIBC - 1, -1)]
        platforms += [f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}"]
        chosen = [flag for platform in platforms for flag in ("--platform", platform)]
        return [
            "--python-version",
            self.python,
            "--implementation",
            "cp",
            "--abi",
            tag,
            "--abi",
            "abi3",
            "--abi",
            "none",
            *chosen,
        ]


def cache_dir() -> Path:
    """Where wheels are kept; it may be removed at any time."""
    return state_dir() / "wheels"


def fetch(pins: tuple[Pin, ...], target: Target, step: Step) -> tuple[Path, ...]:
    """The wheel of each pin, in their order. Raises GateError (no wheel for the target, a wrong hash), ProviderError (no pip),
    DeployError (index not reached, disk full)."""
    folder = make_folder(cache_dir() / target.name)
    missing = [pin for pin in pins if _cached(folder, pin) is None]
    if missing:
        step.update(f"fetching {len(missing)} package{'s' if len(missing) > 1 else ''} for Python {target.name}")
        _download(folder, missing, target)
    found = tuple(_cached(folder, pin) for pin in pins)
    for pin, path in zip(pins, found, strict=True):
        if path is None:
            raise DeployError(
                f"{pin.name} {pin.version} was fetched and is not in {folder}", "another process removed it: run again"
            )
    return tuple(path for path in found if path is not None)


def _cached(folder: Path, pin: Pin) -> Path | None:
    """The pin's wheel if it is there with one of the pin's hashes. A damaged one counts as missing."""
    try:
        paths = sorted(path for path in folder.glob("*.whl") if _is_of(path, pin))
        return next((path for path in paths if _sha256(path) in pin.hashes), None)
    except OSError as error:
        raise state_error(folder, error) from error


def _is_of(path: Path, pin: Pin) -> bool:
    name, version = path.name.split("-")[:2]
    return normalised(name) == pin.name and version == pin.version


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(folder: Path, pins: list[Pin], target: Target) -> None:
    """Fetch into a folder of our own, then move each wheel into place: what is interrupted leaves nothing half-written."""
    if importlib.util.find_spec("pip") is None:
        raise ProviderError(
            "pip is not installed beside mldeploy; it fetches the image's packages", "python -m ensurepip --upgrade"
        )
    try:
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as private:
            listed = Path(private) / "requirements.txt"
            listed.write_text("".join(f"{pin.line}\n" for pin in pins), encoding="utf-8")
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
            command += ["--no-deps", "--only-binary", ":all:", "--require-hashes", *target.flags]
            command += ["--dest", private, "--requirement", str(listed)]
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TMPDIR": private}, check=False)
            if done.returncode != 0:
                raise translated(done.stderr, target)
            for path in Path(private).glob("*.whl"):
                path.replace(folder / path.name)
    except OSError as error:
        raise state_error(folder, error) from error


def translated(words: str, target: Target) -> MldeployError:
    """pip's words as an error of ours."""
    last = [line.removeprefix("ERROR: ") for line in words.strip().splitlines() if line.startswith("ERROR")]
    reason = last[0] if last else (words.strip().splitlines() or ["pip said nothing"])[-1]
    if "No space left on device" in words:
        return DeployError(
            f"no space is left to fetch the image's packages: {cache_dir()}",
            "free some space, or set MLDEPLOY_STATE_DIR elsewhere",
        )
    if "DO NOT MATCH THE HASHES" in words:
        return GateError(
            "a package of the image is not the one that was locked: its hash differs", f"look at your index; {reason}"
        )
    if re.search(
        r"NewConnectionError|ConnectionError|Connection (refused|reset)|timed out|Name or service|SSLError|proxy", words
    ):
        return DeployError(
            f"the package index does not answer: {reason[:300]}",
            "look at the network and at `pip config list` (index-url, proxy, cert)",
        )
    match = _NO_WHEEL.search(words)
    if match:
        name = (match[1] or match[2]).partition("==")
        return GateError(
            f"there is no wheel of {name[0]} {name[2]} for Python {target.python} on Linux {target.architecture}",
            "take a version that has one (nothing is compiled for an image), or look at your package index",
        )
    return DeployError(
        f"the image's packages cannot be fetched: {reason[:300]}", "pip's own configuration holds: `pip config list`"
    )
