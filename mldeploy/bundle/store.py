"""The bundle store: `store/<fingerprint>/`, each folder complete or absent.

    read(store, fingerprint)      the verified document of a stored bundle, or None (absent or damaged)
    publish(store, fingerprint)   a private folder to fill; renamed into place when the block ends well, removed when not

A folder under construction is called `.partial-*` and locked (flock) by its maker, so that what a killed process left is told
from what a living one is writing. Two makers of one bundle: the first to finish wins, the other takes the winner's.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mldeploy.bundle.fingerprint import file_sha256
from mldeploy.errors import MldeployError
from mldeploy.handlers.manifest import FILE_NAME, SCHEMA

PARTIAL = ".partial-"
FILE_MODE, FOLDER_MODE = 0o644, 0o755
FILE_TIME = 315532800  # 1980-01-01, the earliest that a zip archive can hold


def read(store: Path, fingerprint: str) -> dict[str, Any] | None:
    """The document of a stored bundle whose every file has the size and digest written down, else None."""
    folder = store / fingerprint
    try:
        document = json.loads((folder / FILE_NAME).read_bytes())
        if document["schema"] != SCHEMA or document["fingerprint"] != fingerprint:
            return None
        for name, entry in document["files"].items():
            path = folder / name
            if path.stat().st_size != entry["bytes"] or file_sha256(path) != entry["sha256"]:
                return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return dict(document)


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """{name: {sha256, bytes}} of every file in a bundle folder but bundle.json."""
    paths = sorted(path for path in folder.iterdir() if path.name != FILE_NAME)
    return {path.name: {"sha256": file_sha256(path), "bytes": path.stat().st_size} for path in paths}


@contextlib.contextmanager
def publish(store: Path, fingerprint: str) -> Iterator[Path]:
    """Yield an empty folder; publish it as `store/<fingerprint>` when the block ends well. Raises MldeployError when the disk
    is full or not writable; nothing stays behind then."""
    lock = -1
    partial: Path | None = None
    try:
        store.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(store)
        partial, lock = _private_folder(store)
        yield partial
        _settle(partial)
        _move_into_place(partial, store, fingerprint)
    except OSError as error:
        raise _translated(error, store) from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        if lock >= 0:
            os.close(lock)


def _private_folder(store: Path) -> tuple[Path, int]:
    """A new folder that nobody else removes, and the lock that says so."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=store))
        with contextlib.suppress(FileNotFoundError):  # taken for an abandoned one before it could be locked: make another
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _move_into_place(partial: Path, store: Path, fingerprint: str) -> None:
    target = store / fingerprint
    try:
        partial.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        if read(store, fingerprint) is None:  # damaged, or not a bundle at all: put it aside, then away
            aside, lock = _private_folder(store)
            target.rename(aside / "damaged")
            partial.rename(target)
            shutil.rmtree(aside, ignore_errors=True)
            os.close(lock)
    _sync(store)


def _settle(folder: Path) -> None:
    """The same times and modes whatever the umask and the clock, and everything on the disk before it becomes visible."""
    for path in folder.iterdir():
        path.chmod(FILE_MODE)
        os.utime(path, (FILE_TIME, FILE_TIME))
        _sync(path)
    folder.chmod(FOLDER_MODE)
    os.utime(folder, (FILE_TIME, FILE_TIME))
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(store: Path) -> None:
    """Remove the folders of makers that were killed: their lock is free."""
    for path in store.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)


def _translated(error: OSError, store: Path) -> MldeployError:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MldeployError(
            f"{store}: no space is left to pack the model; nothing was written",
            "free some space there, or put the store elsewhere with MLDEPLOY_STATE_DIR",
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return MldeployError(
            f"{store}: the bundle store cannot be written ({reason})",
            "make it writable, or put it elsewhere with MLDEPLOY_STATE_DIR",
        )
    return MldeployError(
        f"{store}: the bundle cannot be stored ({reason})", "make the folder writable, or set MLDEPLOY_STATE_DIR to one that is"
    )
