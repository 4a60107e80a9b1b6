"""Ask an entry point from outside without its platform: requests on standard input, answers on standard output, to the end.

    in    {"method": "POST", "path": "/predict", "headers": {"content-type": "…"}, "body": "<base64>"}      one a line
    out   {"ready": true}                                             first, once
          {"status": 200, "headers": {"content-type": "…"}, "body": "<base64>"}                             one a request
          {"error": "<what is wrong with the line>"}                                                      for any other line

Standard output is the answers' alone: what the runtime logs there goes to standard error. So a built image can be asked with
no network at all. `headers` and `body` may be left out; `path` may have a query.
"""

from __future__ import annotations

import json
import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable

from mldeploy.handlers.message import Request, Response

Ask = Callable[[Request], Response]


def take_stdout() -> int:
    """A file descriptor for the answers; whatever else writes to standard output from now on writes to standard error.

    Called before the runtime is loaded, as loading logs.
    """
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def serve(ask: Ask, answers: int | None = None) -> None:
    """Answer every line of standard input with `ask`, whose Request has the path as it was sent (escapes and all)."""
    out = take_stdout() if answers is None else answers
    _say(out, {"ready": True})
    for line in sys.stdin.buffer:
        if line.strip():
            _say(out, _answer(ask, line))


def _answer(ask: Ask, line: bytes) -> dict[str, object]:
    try:
        request = read(line)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return {"error": f"the line is not a request: {type(error).__name__}: {error}"}
    response = ask(request)
    return {
        "status": response.status,
        "headers": dict(response.headers),
        "body": b64encode(response.body).decode("ascii"),
    }


def read(line: bytes) -> Request:
    """The request on a line. Raises ValueError, KeyError, TypeError or AttributeError."""
    doc = json.loads(line)
    path, _, query = doc["path"].partition("?")
    headers = {name.lower(): str(value) for name, value in doc.get("headers", {}).items()}
    body = b64decode(doc.get("body", ""), validate=True)
    return Request(doc["method"].upper(), path, query, headers, body, headers.get("x-request-id", ""))


def _say(fd: int, doc: dict[str, object]) -> None:
    data = memoryview(json.dumps(doc).encode("ascii") + b"\n")
    while data:
        data = data[os.write(fd, data) :]
