"""The Pulumi CLI: where it is, whether it is new enough, and how it is installed on request. Never installed unasked.

    MLDEPLOY_PULUMI_HOME/bin · PATH · ~/.pulumi/bin · ~/.pulumi/versions/<pinned>/bin · <cache>/mldeploy/pulumi/<pinned>/bin

The first that runs and is at least MINIMUM is taken. One named by MLDEPLOY_PULUMI_HOME is taken or refused, never passed over.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from mldeploy.errors import ProviderError
from mldeploy.progress import Reporter
from mldeploy.providers.contract import Finding

ENVIRONMENT_NAME = "MLDEPLOY_PULUMI_HOME"
MINIMUM = (3, 210, 0)  # events over gRPC (3.206) and a project's own backend; the tests run PINNED
PINNED = "3.259.0"
INSTALL_HINT = "mldeploy doctor --install"
_VERSION_TIMEOUT_S = 20.0


def find() -> Path:
    """The CLI's file. Raises ProviderError when there is none, or only ones that are too old."""
    outdated = []
    for place in _places():
        version = _version(place)
        if version is None:
            continue
        if version >= MINIMUM:
            return place
        outdated.append(f"{place} is {_text(version)}")
    if outdated:
        raise ProviderError(f"the Pulumi CLI is too old: {'; '.join(outdated)}; {_text(MINIMUM)} is needed", INSTALL_HINT)
    chosen = os.environ.get(ENVIRONMENT_NAME)
    where = f" at {ENVIRONMENT_NAME}={chosen}" if chosen else ""
    raise ProviderError(f"the Pulumi CLI is not installed{where}", INSTALL_HINT)


def version(place: Path) -> str:
    """ "3.259.0", or "unknown" for a CLI that does not say."""
    found = _version(place)
    return _text(found) if found else "unknown"


def install(report: Reporter) -> Path:
    """Install the pinned CLI into our cache through the SDK's own installer. Raises ProviderError when that fails."""
    from mldeploy.stacks import automation

    with report.step("pulumi", f"installing {PINNED}") as step:
        try:
            automation.install(_cached().parent.parent, PINNED)
        except (OSError, subprocess.CalledProcessError) as error:
            words = error.output.decode(errors="replace").strip() if isinstance(error, subprocess.CalledProcessError) else error
            raise ProviderError(
                f"the Pulumi CLI could not be installed: {words}",
                f"install Pulumi {PINNED} by hand (https://www.pulumi.com/docs/install/), or set {ENVIRONMENT_NAME}",
            ) from error
        _version.cache_clear()
        step.done(f"{PINNED} · {_cached()}")
    return _cached()


def checks() -> Iterable[Finding]:
    """For `doctor`: the CLI, and the SDK that speaks to it."""
    try:
        place = find()
        yield Finding("Pulumi CLI", True, f"{version(place)} at {place}")
    except ProviderError as error:
        yield Finding("Pulumi CLI", False, error.message, error.hint or "")


def _places() -> Iterator[Path]:
    chosen = os.environ.get(ENVIRONMENT_NAME)
    if chosen:
        yield Path(chosen).expanduser() / "bin" / "pulumi"
        return
    on_path = shutil.which("pulumi")
    if on_path:
        yield Path(on_path)
    home = Path.home() / ".pulumi"
    yield home / "bin" / "pulumi"
    yield home / "versions" / PINNED / "bin" / "pulumi"
    yield _cached()


def _cached() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("mldeploy", appauthor=False)) / "pulumi" / f"v{PINNED}" / "bin" / "pulumi"


@cache
def _version(place: Path) -> tuple[int, ...] | None:
    """(3, 259, 0), None for what is not there, does not run or does not say. Asked once a process: it takes 0.2 s."""
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        done = subprocess.run([place, "version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, env=environment)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", done.stdout.strip())
    return tuple(int(part) for part in found.groups()) if found else None


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
