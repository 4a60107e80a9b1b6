"""`mldeploy doctor`: whether this machine can do what the commands need, and how to mend what is missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mldeploy.cli.layout import labelled, pad, size
from mldeploy.cli.session import Session
from mldeploy.cli.terminal import Terminal
from mldeploy.cli.verb import verb
from mldeploy.errors import MldeployError

if TYPE_CHECKING:
    from mldeploy.providers.contract import Finding

_LEAST_FREE_BYTES = 500_000_000
_NEEDED = ("onnx", "onnxruntime", "PIL", "orjson", "httptools", "uvloop", "pydantic", "yaml")
_EXTRAS = {"sklearn": ("sklearn", "skl2onnx", "skops")}


@verb("doctor")
def command(session: Session) -> int:
    """Check this machine and the providers.

    With --cloud only that provider. Exit code 1 when something needed is missing; every finding says how to mend it.
    """
    groups = {"this machine": list(_machine()), **dict(_providers(session))}
    is_ok = all(finding.is_ok for findings in groups.values() for finding in findings)
    document = {"ok": is_ok, "groups": {title: [asdict(f) for f in findings] for title, findings in groups.items()}}
    lines = [line for title, findings in groups.items() for line in _lines(title, findings, session.out)]
    session.result(document, lines)
    return 0 if is_ok else 1


def _machine() -> Iterator[Finding]:
    """Checks that belong to no provider. An extra that is not installed is fine: it is said, not required."""
    from mldeploy.providers.contract import Finding

    version = ".".join(map(str, sys.version_info[:3]))
    is_known = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding("python", is_known, f"{version} at {sys.executable}", "" if is_known else "use Python 3.11, 3.12 or 3.13")
    missing = [name for name in _NEEDED if find_spec(name) is None]
    yield Finding(
        "packages",
        not missing,
        f"{', '.join(missing)} missing" if missing else "all there",
        "pip install --force-reinstall mldeploy" if missing else "",
    )
    for extra, modules in _EXTRAS.items():
        absent = [name for name in modules if find_spec(name) is None]
        text = f"not installed: pip install 'mldeploy[{extra}]' if you need it" if absent else "installed"
        yield Finding(f"extra {extra}", True, text)
    yield from _state()


def _state() -> Iterator[Finding]:
    from mldeploy import state
    from mldeploy.providers.contract import Finding

    folder = state.state_dir()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    is_writable = os.access(existing, os.W_OK | os.X_OK)
    yield Finding(
        "state folder",
        is_writable,
        str(folder) + ("" if is_writable else " cannot be written"),
        "" if is_writable else "mend its permissions, or set MLDEPLOY_STATE_DIR to a folder of yours",
    )
    free = shutil.disk_usage(existing).free
    yield Finding(
        "disk",
        free >= _LEAST_FREE_BYTES,
        f"{size(free)} free",
        "" if free >= _LEAST_FREE_BYTES else f"free at least {size(_LEAST_FREE_BYTES)} on {Path(existing).anchor}",
    )


def _providers(session: Session) -> Iterator[tuple[str, list[Finding]]]:
    from mldeploy.providers import registry
    from mldeploy.providers.contract import Finding

    chosen = session.settings.cloud
    for name in [chosen] if chosen else registry.names():
        try:
            provider = registry.get(name)
            yield provider.title, list(provider.checks())
        except MldeployError as error:
            if chosen:
                raise
            yield name, [Finding("provider", False, error.message, error.hint or "")]


def _lines(title: str, findings: list[Finding], terminal: Terminal) -> Iterator[str]:
    yield terminal.style(title, "bold")
    for finding in findings:
        mark = terminal.style("ok", "green") + "    " if finding.is_ok else terminal.style("not ok", "red")
        first, *rest = labelled(pad(finding.title, 14), finding.message, 16)
        yield f"  {mark}  {first}"
        yield from (" " * 10 + line for line in rest)
        if finding.remedy:
            yield from (" " * 10 + line for line in labelled("fix", finding.remedy, 16))
