"""A conversation with a built image: requests go into its probe's standard input, answers come out, one JSON line each.

The container is made for one conversation and removed after it, whatever happens. What the runtime says on standard error is
kept: its last lines are in the message when the image does not answer.
"""

from __future__ import annotations

import json
import socket
import time
from base64 import b64decode, b64encode
from collections import deque
from types import TracebackType
from typing import Any

from mldeploy.errors import DeployError, GateError
from mldeploy.image.engine import Engine, hang_up
from mldeploy.providers.contract import Call, Reply

READY_S = 180.0
ANSWER_S = 60.0
SHOWN_LINES = 20
_STDOUT = 1


class Probe:
    """A context manager: enter waits until the model is loaded. `settings` are those of `Engine.create`."""

    def __init__(self, engine: Engine, image: str, command: tuple[str, ...], **settings: Any) -> None:
        self._engine, self._image, self._command, self._settings = engine, image, command, settings
        self._container = ""
        self._socket: socket.socket | None = None
        self._stream: Any = None
        self._buffers = {_STDOUT: b"", 2: b""}
        self._errors: deque[str] = deque(maxlen=SHOWN_LINES)

    def __enter__(self) -> Probe:
        self._container = self._engine.create(self._image, list(self._command), **self._settings)
        try:
            self._stream = self._engine.attach(self._container)
            self._socket = getattr(self._stream, "_sock", self._stream)
            self._engine.start(self._container)
            self._await_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        hang_up(self._stream, self._socket)
        if self._container:
            self._engine.remove(self._container)

    def ask(self, request: Call) -> Reply:
        """One request. Raises OSError when no answer comes."""
        document = {
            "method": request.method,
            "path": request.path,
            "headers": dict(request.headers),
            "body": b64encode(request.body).decode("ascii"),
        }
        if self._socket is None:
            raise OSError("the container is not running")
        self._socket.sendall(json.dumps(document).encode("ascii") + b"\n")
        answer = self._read(ANSWER_S)
        if "status" not in answer:
            raise OSError(f"the probe says {answer.get('error', answer)}")
        return Reply(
            answer["status"], {name.lower(): value for name, value in answer["headers"].items()}, b64decode(answer["body"])
        )

    def _await_ready(self) -> None:
        try:
            first = self._read(READY_S)
        except OSError as error:
            raise self._failure(str(error)) from error
        if first != {"ready": True}:
            raise self._failure(f"it says {json.dumps(first)[:200]} instead of being ready")

    def _failure(self, reason: str) -> GateError:
        state = self._engine.state(self._container)
        shown = "".join(f"\n    {line}" for line in self._errors)
        if state.get("OOMKilled"):
            limit = self._settings.get("mem_limit", "what the engine has")
            return GateError(
                f"the model does not load in the image within {limit} of memory{shown}", "raise resources.memory_mb"
            )
        ended = f", exit code {state['ExitCode']}" if not state.get("Running") else ""
        return GateError(
            f"the model does not load in the image (no network, read-only root): {reason}{ended}{shown}",
            "the lines above are the runtime's; a file to be written belongs in /tmp, a package in image.requirements",
        )

    def _read(self, timeout_s: float) -> dict[str, Any]:
        """The next line of standard output as JSON. Raises OSError when there is none in time, or at all."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            line, has_line, rest = self._buffers[_STDOUT].partition(b"\n")
            if has_line:
                self._buffers[_STDOUT] = rest
                return _document(line)
            stream, data = self._frame(deadline_s, timeout_s)
            self._buffers[stream] += data
            if stream != _STDOUT:
                *lines, self._buffers[stream] = self._buffers[stream].split(b"\n")
                self._errors.extend(raw.decode(errors="replace") for raw in lines if raw.strip())

    def _frame(self, deadline_s: float, timeout_s: float) -> tuple[int, bytes]:
        """One frame of the attached stream: a byte that names it, three of nothing, four of length, the data."""
        head = self._exactly(8, deadline_s, timeout_s)
        return (head[0] if head[0] in self._buffers else 2), self._exactly(
            int.from_bytes(head[4:8], "big"), deadline_s, timeout_s
        )

    def _exactly(self, count: int, deadline_s: float, timeout_s: float) -> bytes:
        data = b""
        while len(data) < count and self._socket is not None:
            self._socket.settimeout(max(0.001, deadline_s - time.monotonic()))
            try:
                piece = self._socket.recv(count - len(data))
            except TimeoutError as error:
                raise OSError(f"no answer within {timeout_s:g} s") from error
            if not piece:
                raise OSError("the container ended")
            data += piece
        return data


def _document(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError as error:
        raise OSError(f"the probe wrote what is no answer: {line[:200]!r}") from error
    if not isinstance(document, dict):
        raise DeployError(f"the probe wrote what is no answer: {line[:200]!r}", "its standard output is for answers alone")
    return document
