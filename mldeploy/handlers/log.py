"""One JSON line a request (or event) on a file descriptor: never blocks, never raises, never holds a body, a key or a secret.

A line is one `write` of at most 4096 bytes, which a pipe takes whole or not at all. When the reader is slow, gone, or the
disk is full, the line is dropped and counted (`dropped`, a metric): logging must not stop serving. JSON escaping makes a line
break or a terminal escape in a path harmless; text beyond ASCII is escaped, too, so that no reader sees a line separator in it.
"""

from __future__ import annotations

import os
import stat
from threading import Lock
from time import gmtime, strftime, time
from typing import Any

from mldeploy.handlers import codec_json

MAX_LINE_BYTES = 4096
_MAX_FIELDS_BYTES = MAX_LINE_BYTES - 512  # the rest holds ts, level, model and stage
_MAX_TEXT = 256
_MAX_TRACEBACK = 2500


class Log:
    """Writes to `fd` (standard output by default). `context` (model, stage) goes into every line."""

    __slots__ = ("_context", "_fd", "_lock", "_may_block", "_second", "_stamp", "dropped")

    def __init__(self, context: dict[str, str], fd: int = 1) -> None:
        self._fd = fd
        self._context = codec_json.dumps(context)[1:-1]
        self._lock = Lock()
        self._second = -1
        self._stamp = b""
        self.dropped = 0
        try:
            self._may_block = not stat.S_ISREG(os.fstat(fd).st_mode)
        except OSError:
            self._may_block = True

    def event(self, level: str, event: str, **fields: Any) -> None:
        """A line that belongs to no request: loaded, warm-up refused, draining."""
        self.line(level, {"event": event, **fields})

    def line(self, level: str, fields: dict[str, Any], times: bytes = b"") -> None:
        """Write one line: ts, level, model, stage, `times` (JSON members already), then `fields`: numbers and `clean` text."""
        try:
            with self._lock:
                self._write(self._encode(level, fields, times))
        except Exception:
            self.dropped += 1

    def _encode(self, level: str, fields: dict[str, Any], times: bytes) -> bytes:
        now = time()
        second = int(now)
        if second != self._second:
            self._stamp = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second)).encode()
            self._second = second
        tail = codec_json.dumps(fields)
        for limit in (1500, 300, 60):
            if len(tail) < _MAX_FIELDS_BYTES:
                break
            tail = codec_json.dumps({key: value[-limit:] if isinstance(value, str) else value for key, value in fields.items()})
        times = times + b"," if times else times
        head = b'{"ts":"%b.%03dZ","level":"%b",' % (self._stamp, int(now % 1 * 1000), level.encode())
        return b"%b%b,%b%b\n" % (head, self._context, times, tail[1:])

    def _write(self, data: bytes) -> None:
        is_dropped = self._may_block and not _is_writable(self._fd)
        if is_dropped or os.write(self._fd, data) != len(data):
            self.dropped += 1


def _is_writable(fd: int) -> bool:
    """Whether a write of up to 4096 bytes (PIPE_BUF) would go through at once."""
    import select

    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return poll.poll(0) == [(fd, select.POLLOUT)]


def clean(text: str, limit: int = _MAX_TEXT) -> str:
    """Text from outside as printable ASCII of bounded length."""
    if not text.isascii():
        text = text[:limit].encode("ascii", "backslashreplace").decode()
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def traceback_text(error: BaseException) -> str:
    """The traceback, its end if it is long."""
    import traceback

    return clean("".join(traceback.format_exception(error))[-_MAX_TRACEBACK:], _MAX_TRACEBACK)
