"""The log of a local deployment: at most 10 MB x 3 files, every line stamped when it arrived, readable while it is written.

    logs/current.log   logs/current.log.1   logs/current.log.2        "2026-11-21T09:30:00.123Z text"

The writer never raises and never blocks its caller on a full disk: lines are dropped then. A reader yields a JSON line as it is
(it carries its own time) and any other line with its stamp.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MAX_FILE_BYTES = 10_000_000
FILES = 3
FOLLOW_POLL_S = 0.05
_CHUNK_BYTES = 1 << 20
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ")
_STAMP_LENGTH = len("2026-11-21T09:30:00.123Z ")


def stamp(at_s: float) -> str:
    """A Unix time in UTC, with milliseconds; stamps sort as they follow each other."""
    whole = int(at_s)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int((at_s - whole) * 1000):03d}Z"


class LogWriter:
    """Appends whole lines and rotates the files."""

    def __init__(self, log: Path, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self._log = log
        self._max_file_bytes = max_file_bytes
        self._file: BinaryIO | None = None
        self._size = 0

    def write(self, lines: bytes) -> None:
        """Append `lines` (each ended by a newline), stamped with the time it is now."""
        mark = stamp(time.time()).encode() + b" "
        data = mark + lines[:-1].replace(b"\n", b"\n" + mark) + b"\n"
        try:
            file = self._open(len(data))
            file.write(data)
            self._size += len(data)
        except OSError:
            self.close()

    def _open(self, incoming: int) -> BinaryIO:
        if self._file is not None and self._size + incoming > self._max_file_bytes and self._size > 0:
            self.close()
            self._rotate()
        if self._file is None:
            self._log.parent.mkdir(mode=0o700, exist_ok=True)
            # Unbuffered: what is written is readable at once, and a killed supervisor loses no line that it had taken.
            self._file = self._log.open("ab", buffering=0)
            self._size = os.fstat(self._file.fileno()).st_size
        return self._file

    def _rotate(self) -> None:
        for n in range(FILES - 1, 0, -1):
            older = self._log.with_name(f"{self._log.name}.{n}")
            newer = self._log if n == 1 else self._log.with_name(f"{self._log.name}.{n - 1}")
            if newer.exists():
                newer.replace(older)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def shown(line: str) -> str:
    """A stored line as a reader sees it."""
    if _STAMP.match(line) and line.startswith("{", _STAMP_LENGTH):
        return line[_STAMP_LENGTH:]
    return line


def read(log: Path, *, since_s: float | None = None, tail: int | None = None) -> list[str]:
    """The lines not older than `since_s` seconds, of them the last `tail`. Empty when there is no log."""
    files = _open_all(log)
    try:
        return _lines(files, since_s, tail)
    finally:
        for file in files:
            file.close()


def follow(log: Path, *, since_s: float | None = None, tail: int | None = None) -> Iterator[str]:
    """`read`, then every line as it comes, over rotations, until the log's folder is removed or the caller stops."""
    files = _open_all(log)
    file = files[-1] if files else None
    try:
        yield from _lines(files, since_s, tail)
        while True:
            # Asked before reading: a file that has been rotated away gets no more lines, so reading on empties it for good.
            successor = _successor(log, file)
            if file is not None:
                yield from map(shown, _new_lines(file))
            if successor is not None:
                files.append(successor)
                file = successor
            elif not log.parent.exists():
                return
            else:
                time.sleep(FOLLOW_POLL_S)
    finally:
        for opened in files:
            opened.close()


def _open_all(log: Path) -> list[BinaryIO]:
    """The log's files, oldest first. Opened from the newest on: a rotation meanwhile shows a file twice, but hides none."""
    files: list[BinaryIO] = []
    for path in (log, *(log.with_name(f"{log.name}.{n}") for n in range(1, FILES))):
        file = _open(path)
        if file is not None and any(_is_same(file, other) for other in files):
            file.close()
        elif file is not None:
            files.insert(0, file)
    return files


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except OSError:
        return None


def _is_same(file: BinaryIO, other: BinaryIO) -> bool:
    return os.path.sameopenfile(file.fileno(), other.fileno())


def _lines(files: list[BinaryIO], since_s: float | None, tail: int | None) -> list[str]:
    cutoff = stamp(time.time() - since_s) if since_s is not None else ""
    kept: deque[str] = deque(maxlen=tail)
    for file in files:
        kept.extend(line for line in _new_lines(file) if line[: len(cutoff)] >= cutoff)
    return [shown(line) for line in kept]


def _new_lines(file: BinaryIO) -> Iterator[str]:
    """Whole lines only, as stored; a part of a line is read again when it is complete."""
    while True:
        start = file.tell()
        data = file.read(_CHUNK_BYTES)
        end = data.rfind(b"\n") + 1
        file.seek(start + end)
        if end == 0:
            return
        yield from data[: end - 1].decode(errors="replace").split("\n")


def _successor(log: Path, file: BinaryIO | None) -> BinaryIO | None:
    """The file that was begun after `file`, opened at its start; None while `file` is the newest."""
    newer = _open_all(log)
    position = next((n for n, other in enumerate(newer) if file is not None and _is_same(file, other)), -1)
    for n, other in enumerate(newer):
        if n != position + 1:
            other.close()
    return newer[position + 1] if position + 1 < len(newer) else None
