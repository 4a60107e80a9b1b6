"""Where mldeploy keeps what it must remember on this machine, and how it writes and locks it safely.

    state_dir()/bundles/               the bundle store
    state_dir()/<provider>/…           each provider's own records

A file is replaced as a whole or not at all; a lock is the kernel's (flock), so that a killed holder never leaves one behind.
Every OSError is translated here into a DeployError that names the path and says what to do.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mldeploy.errors import DeployError, LockedError

ENVIRONMENT_NAME = "MLDEPLOY_STATE_DIR"
POLL_S = 0.05


def state_dir() -> Path:
    """The folder of all state: MLDEPLOY_STATE_DIR, else the platform's place for a user's state. It may not exist yet."""
    chosen = os.environ.get(ENVIRONMENT_NAME, "")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_state_dir("mldeploy", appauthor=False))


def bundle_store() -> Path:
    """The folder of packed bundles, each named by its fingerprint."""
    return state_dir() / "bundles"


def state_error(path: Path, error: OSError) -> DeployError:
    """What a person reads when the state folder cannot be used."""
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = f"free some space, or set {ENVIRONMENT_NAME} to a folder on another disk"
    else:
        hint = f"make it writable, or set {ENVIRONMENT_NAME} to a folder that is"
    return DeployError(f"the state folder cannot be used: {path}: {reason}", hint)


def make_folder(path: Path) -> Path:
    """Create `path` and its parents for this user alone. Raises DeployError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise state_error(path, error) from error
    return path


def write_atomically(path: Path, data: bytes, *, is_durable: bool = True) -> None:
    """Replace `path` by a file of mode 0600 that holds `data`: readers see the old bytes or the new ones, never a part.

    One process may write a path at a time (its lock sees to that), so that what a killed one left is overwritten by the next.
    `is_durable` also waits for the disk: a power cut keeps the old or the new. Raises DeployError, leaving nothing behind.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                if is_durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise state_error(path, error) from error


class Lock:
    """An exclusive lock on a file, held for as long as its holder lives. The file's text says who that is, for people.

    The file may be deleted by its holder together with its folder; a waiter notices and asks again, creating both anew.
    """

    def __init__(self, path: Path, mark: str = "") -> None:
        """`mark` is kept in the file's text, for whoever must be sure which process it names."""
        self.path = path
        self._mark = mark
        self._descriptor: int | None = None

    def acquire(self, wait_s: float = 0.0, on_wait: Callable[[str], None] | None = None) -> None:
        """Take the lock, waiting up to `wait_s`; `on_wait` is told the holder once. Raises LockedError naming the holder."""
        deadline_s = time.monotonic() + wait_s
        has_told = False
        while not self._try():
            if time.monotonic() >= deadline_s:
                raise LockedError(
                    f"{self.path.parent.name} is locked by {self.holder()}",
                    "wait until it is done, or end that process; its lock goes with it",
                )
            if on_wait is not None and not has_told:
                on_wait(self.holder())
                has_told = True
            time.sleep(POLL_S)

    def _try(self) -> bool:
        make_folder(self.path.parent)
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise state_error(self.path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_current = self._is_same(descriptor)
            if is_current:
                self._sign(descriptor)
        except BlockingIOError:
            is_current = False
        except OSError as error:
            os.close(descriptor)
            raise state_error(self.path, error) from error
        if is_current:
            self._descriptor = descriptor
        else:
            os.close(descriptor)
        return is_current

    def is_current(self) -> bool:
        """Whether we hold the lock and its file is still the one at the path; False once somebody removed the folder."""
        return self._descriptor is not None and self._is_same(self._descriptor)

    def _is_same(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def _sign(self, descriptor: int) -> None:
        text = json.dumps(
            {"pid": os.getpid(), "mark": self._mark, "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        ).encode()
        # A full disk must not refuse the lock: the text only serves the message of whoever waits.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text, 0)

    def holder(self) -> str:
        """Who wrote the lock last: "process 4711 on host since 2026-11-21 09:30:00"."""
        try:
            who = json.loads(self.path.read_bytes())
            return f"process {who['pid']} on {who['host']} since {who['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def signature(self) -> tuple[int, str] | None:
        """Process id and mark of who wrote the lock last, None when the text is unreadable. That may be an earlier holder: one
        that has just taken the lock has not signed yet.
        """
        try:
            who = json.loads(self.path.read_bytes())
            return int(who["pid"]), str(who["mark"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def is_held(self) -> bool:
        """Whether some process (this one included) holds the lock now. Creates nothing."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def release(self) -> None:
        """Give the lock back. The file stays, empty of meaning. Returns silently when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextlib.contextmanager
    def held(self, wait_s: float = 0.0, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
        """`acquire` for the length of a with block."""
        self.acquire(wait_s, on_wait)
        try:
            yield
        finally:
            self.release()
