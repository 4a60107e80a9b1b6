"""What `mldeploy doctor` looks at for this machine. A check imports only what it needs and leaves nothing behind."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from mldeploy.errors import MldeployError
from mldeploy.providers.contract import Finding
from mldeploy.providers.local.listeners import FIRST_PORT, HOST, LAST_PORT
from mldeploy.providers.local.process import IS_LINUX
from mldeploy.state import ENVIRONMENT_NAME, make_folder, state_dir

LOW_DISK_BYTES = 1_000_000_000
SERVING_LIBRARIES = {"orjson": "orjson", "httptools": "httptools", "pillow": "PIL"}


def checks() -> Iterator[Finding]:
    """Every finding, in the order in which things are needed."""
    yield _python(sys.version_info[:2])
    yield _engine()
    yield _libraries()
    yield from _state(state_dir())
    yield _port(range(FIRST_PORT, LAST_PORT + 1))
    yield _memory_limit(IS_LINUX)


def _python(version: tuple[int, ...]) -> Finding:
    is_ok = (3, 11) <= version < (3, 14)
    remedy = "" if is_ok else "use Python 3.11, 3.12 or 3.13"
    return Finding("Python", is_ok, f"{platform.python_version()} ({sys.executable})", remedy)


def _engine(find: Callable[[str], str] = importlib.metadata.version) -> Finding:
    try:
        version = find("onnxruntime")
    except importlib.metadata.PackageNotFoundError:
        return Finding("ONNX Runtime", False, "not installed", "pip install onnxruntime")
    return Finding("ONNX Runtime", True, f"{version} · {_lean_engine()}")


def _lean_engine() -> str:
    """The lean engine is a matter of speed: without it the stock binding serves, so this is never a failure."""
    from mldeploy.handlers.engines import ort_api

    try:
        ort_api.open_installed()
    except ort_api.LeanUnavailable as error:
        return f"stock binding (no lean engine: {error})"
    return "lean engine"


def _libraries() -> Finding:
    missing = [package for package, module in SERVING_LIBRARIES.items() if importlib.util.find_spec(module) is None]
    if missing:
        return Finding("serving libraries", False, f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    return Finding("serving libraries", True, ", ".join(SERVING_LIBRARIES))


def _state(folder: Path) -> Iterator[Finding]:
    remedy = f"make it writable, or set {ENVIRONMENT_NAME} to a folder that is"
    try:
        with tempfile.TemporaryFile(dir=make_folder(folder)) as file:
            file.write(b"mldeploy")
    except MldeployError as error:
        yield Finding("state folder", False, error.message, error.hint or remedy)
        return
    except OSError as error:
        yield Finding("state folder", False, f"{folder} cannot be written: {error.strerror}", remedy)
        return
    yield Finding("state folder", True, str(folder))
    free = shutil.disk_usage(folder).free
    is_ok = free >= LOW_DISK_BYTES
    yield Finding("free disk", is_ok, f"{free / 1e9:.1f} GB", "" if is_ok else "free some space: bundles and logs need it")


def _port(ports: range) -> Finding:
    for port in ports:
        try:
            socket.create_server((HOST, port)).close()
        except OSError:
            continue
        return Finding("port", True, f"{HOST}:{port} is free")
    return Finding("port", True, f"none from {ports.start} to {ports.stop - 1} is free; another one will be taken")


def _memory_limit(is_linux: bool) -> Finding:
    if is_linux:
        return Finding("memory limit", True, "resources.memory_mb is enforced (RLIMIT_DATA)")
    return Finding("memory limit", True, f"resources.memory_mb is not enforced on {platform.system()}, only on Linux")
