"""The real Functions Python worker library, in an environment of its own, and sites for it to serve.

environment() ─▶ python 3.13 with azure_worker.txt installed (kept in the user's cache, by the lock's digest)
site(folder) ─▶ wwwroot as it is in the image        start(site, …) ─▶ Process behind the stand-in host
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

from mldeploy.providers.azure.entry.host_json import host_json

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
LOCK = HERE / "azure_worker.txt"
HOST = HERE / "azure_host.py"
FUNCTION_APP = "from mldeploy.providers.azure.entry.app import app as app\n"
_SHIPPED = ("mldeploy/handlers", "mldeploy/providers/azure/entry")
_PARENTS = ("mldeploy", "mldeploy/providers", "mldeploy/providers/azure")


def _interpreters() -> Iterator[str]:
    """Where a Python 3.13 may be: this one, PATH, pyenv."""
    if sys.version_info[:2] == (3, 13):
        yield sys.executable
    found = shutil.which("python3.13")
    if found:
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob("versions/3.13*/bin/python3"), reverse=True))


def _works(python: str) -> bool:
    asked = subprocess.run([python, "-c", "import sys; print(sys.version_info[:2] == (3, 13))"], capture_output=True, text=True)
    return asked.stdout.strip() == "True"


@functools.cache
def environment() -> Path:
    """The interpreter that has the worker; made once, skips where it cannot be."""
    python = next(filter(_works, _interpreters()), None)
    if python is None:
        pytest.skip("the Azure Functions worker library needs Python 3.13: pyenv install 3.13, or put python3.13 on PATH")
    digest = hashlib.sha256(LOCK.read_bytes() + python.encode()).hexdigest()[:16]
    made = platformdirs.user_cache_path("mldeploy") / "tests" / f"azure-worker-{digest}"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent) as folder:
            fresh = Path(folder) / "env"
            _make(python, fresh)
            try:
                fresh.rename(made)
            except OSError:  # another process was first
                if not made.exists():
                    raise
    return made / "bin" / "python"


def _make(python: str, folder: Path) -> None:
    commands = (
        [python, "-m", "venv", str(folder)],
        [
            str(folder / "bin/python"),
            "-m",
            "pip",
            "install",
            "-q",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "-r",
            str(LOCK),
        ],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"the Azure Functions worker cannot be installed: {' '.join(command)}: {done.stderr[-500:]}")


def site(folder: Path) -> Path:
    """What the image has in /home/site/wwwroot but for packages and bundle: nothing of mldeploy beyond what ships."""
    for shipped in _SHIPPED:
        shutil.copytree(ROOT / shipped, folder / shipped, ignore=shutil.ignore_patterns("__pycache__"))
    for parent in _PARENTS:
        (folder / parent / "__init__.py").write_text("")
    (folder / "function_app.py").write_text(FUNCTION_APP)
    (folder / "host.json").write_text(host_json(30))
    return folder


def command(root: Path, port: int, keys: Path | None = None, blobs: Path | None = None) -> tuple[str, ...]:
    """The stand-in host on a site; `blobs` holds containers as folders."""
    stored = ("--blobs", str(blobs)) if blobs else ()
    locked = ("--keys", str(keys)) if keys else ()
    return (str(environment()), str(HOST), "--root", str(root), "--host", "127.0.0.1", "--port", str(port), *locked, *stored)
