"""The FIFO through which a command wakes the supervisor and hands it the secrets of a release: both of its ends.

A message is a line of JSON, begun by a newline as well: what a writer that was killed halfway left behind spoils no other
message. A FIFO rather than a socket: the length of its path has no limit, and nobody but this user can open it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mldeploy.errors import DeployError

SEND_TIMEOUT_S = 5.0
_POLL_S = 0.01
Secrets = Mapping[str, Mapping[str, str]]  # release id -> name -> value


class UnheardError(DeployError):
    """Nobody takes messages: the supervisor has ended or does not get to read."""


class Inbox:
    """The supervisor's end."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        # Also opened for writing: otherwise it would be at its end whenever no command has it open.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._partial = b""

    def fileno(self) -> int:
        return self._descriptor

    def receive(self) -> list[dict[str, dict[str, str]]]:
        """The messages that are complete by now; an unreadable one is dropped."""
        with contextlib.suppress(BlockingIOError):
            self._partial += os.read(self._descriptor, 1 << 16)
        *lines, self._partial = self._partial.split(b"\n")
        return [message for line in lines if (message := parse(line)) is not None]

    def close(self) -> None:
        os.close(self._descriptor)


def parse(line: bytes) -> dict[str, dict[str, str]] | None:
    """One message, None when it is not one."""
    try:
        document: Any = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) and all(isinstance(v, dict) for v in document.values()) else None


def message(secrets: Secrets) -> bytes:
    """What `send` sends: a line, with a newline before it."""
    return b"\n" + json.dumps(secrets).encode() + b"\n"


def send(path: Path, secrets: Secrets) -> None:
    """Wake the supervisor and give it these secrets. Raises UnheardError when nobody takes the message."""
    data = message(secrets)
    deadline_s = time.monotonic() + SEND_TIMEOUT_S
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                raise OSError(errno.ENXIO, "it is not a FIFO")
            while data:
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(descriptor, data) :]
                if data and time.monotonic() >= deadline_s:
                    raise OSError(errno.ETIMEDOUT, "nobody reads it")
                if data:
                    time.sleep(_POLL_S)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UnheardError(
            f"the supervisor does not take messages: {path}: {error.strerror}",
            "run the command again; if that does not help, mldeploy destroy and up",
        ) from error
