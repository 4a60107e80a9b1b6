"""Which stored bundles may go: those that no deployment has kept among its last releases, once they are not fresh.

A bundle that this deployment has just let go is removed at once; one that nobody ever deployed (a preview's) after a day.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from mldeploy.errors import DeployError
from mldeploy.providers.local import records
from mldeploy.providers.local.records import Paths
from mldeploy.state import bundle_store

KEPT_RELEASES = 3
FRESH_S = 24 * 3600.0
MANIFEST = "bundle.json"


def remember(bundle: str, history: Iterable[str]) -> tuple[str, ...]:
    """The history with `bundle` as its newest entry."""
    return (bundle, *(other for other in history if other != bundle))[:KEPT_RELEASES]


def touch(bundle: Path) -> None:
    """Mark a bundle as just used: its change time becomes now, its other times stay as packed."""
    with contextlib.suppress(OSError):
        times = bundle.stat()
        os.utime(bundle, ns=(times.st_atime_ns, times.st_mtime_ns))


def prune(let_go: Iterable[str]) -> list[Path]:
    """Remove what may go; returns what was removed. Never raises: an unremoved bundle only takes space."""
    try:
        kept = {bundle for folder in records.root().glob("*.*") for bundle in _kept(Paths(folder))}
    except DeployError:  # a newer mldeploy's record: what it refers to is not known
        return []
    at_once = set(let_go)
    removed = []
    with contextlib.suppress(OSError):
        for bundle in bundle_store().iterdir():
            is_stale = str(bundle) in at_once or time.time() - bundle.stat().st_ctime > FRESH_S
            if is_stale and str(bundle) not in kept and (bundle / MANIFEST).is_file():
                # The manifest first: what is left of a removal that was cut short is not taken for a bundle.
                (bundle / MANIFEST).unlink()
                shutil.rmtree(bundle, ignore_errors=True)
                removed.append(bundle)
    return removed


def _kept(at: Paths) -> set[str]:
    """Everything that one deployment refers to. Raises DeployError for a record of a newer schema."""
    desired = records.read_desired(at, lambda text: None)
    if desired is None:
        return set()
    releases = [release.bundle for release in (desired.serve, desired.candidate) if release is not None]
    return {*desired.history, *releases}
