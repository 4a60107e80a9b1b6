"""Smoke requests: the spec's own requests with known answers, sent to a new release before it serves.

    spec.smoke + Endpoint ─▶ POST /predict, one by one ─▶ status and answer compared with `expect` ─▶ number of requests sent

Objects are compared by the keys that `expect` gives, lists by length and order, numbers within the tolerance. A spec without
smoke requests only has its release's readiness and signature looked at, and is told so.
"""

from __future__ import annotations

import http.client
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mldeploy.calling import call
from mldeploy.errors import SmokeError
from mldeploy.progress import Reporter
from mldeploy.providers.contract import Call, Endpoint, Reply
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import Smoke

CONTENT_TYPES = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
DEFAULT_TIMEOUT_S = 30.0
TIMEOUT_MARGIN_S = 5.0  # beyond the release's own limit, which answers 504 first
_SHOWN_CHARS = 300

Ask = Callable[[Call], Reply]


class Difference(NamedTuple):
    """Where an answer is not as expected: a path like `outputs.y[0][2]` ("" for the whole answer)."""

    path: str
    expected: str
    got: str


class Answer(NamedTuple):
    """What came back: the status, and the body as JSON (or as text where it is none)."""

    status: int
    body: Any


def run_smoke(loaded: LoadedSpec, endpoint: Endpoint, report: Reporter) -> int:
    """Send every smoke request of the spec; returns how many. Raises SmokeError on the first that is not as expected."""
    timeout_s = (loaded.spec.resources.timeout_s or DEFAULT_TIMEOUT_S) + TIMEOUT_MARGIN_S
    return run_requests(loaded, lambda request: call(endpoint, request, timeout_s), report)


def run_requests(loaded: LoadedSpec, ask: Ask, report: Reporter, title: str = "smoke") -> int:
    """`run_smoke` over any way of asking, which raises OSError or HTTPException without an answer. `title` names the step."""
    caller = _Caller(ask)
    requests = loaded.spec.smoke
    with report.step(title, "asking") as step:
        if not requests:
            _check_signature(caller, loaded.spec.name)
            step.done("ready; no smoke requests in the spec")
            return 0
        for number, request in enumerate(requests, start=1):
            step.update(f"{number} of {len(requests)}")
            _check(caller, loaded, request, f"smoke request {number}" + (f" ({request.name})" if request.name else ""))
        step.done(f"{len(requests)} of {len(requests)} request{'s' if len(requests) > 1 else ''} as expected")
    return len(requests)


def _check(caller: _Caller, loaded: LoadedSpec, request: Smoke, title: str) -> None:
    content_type, body = _body(loaded, request, title)
    started_s = time.monotonic()
    try:
        answer = caller.send("POST", "/predict", content_type, body)
    except (OSError, http.client.HTTPException) as error:
        waited = f"after {time.monotonic() - started_s:.1f} s"
        raise SmokeError(f"{title}: no answer {waited}: {_reason(error)}", "the release's log has the cause") from error
    if answer.status != request.status:
        raise SmokeError(
            f"{title}: expected status {request.status}, got {answer.status}: {_shown(answer.body)}",
            f"mend the model or the request ({loaded.origin(_place(loaded, request)) or loaded.file})",
        )
    if request.expect is None:
        return
    difference = next(differences(request.expect, answer.body, request.tolerance), None)
    if difference is not None:
        path = difference.path or "the answer"
        raise SmokeError(
            f"{title}: {path}: expected {difference.expected}, got {difference.got}",
            f"mend the model, or what the spec expects ({loaded.origin(_place(loaded, request)) or loaded.file})",
        )


def _place(loaded: LoadedSpec, request: Smoke) -> str:
    return f"smoke.{[*loaded.spec.smoke].index(request)}"


def _body(loaded: LoadedSpec, request: Smoke, title: str) -> tuple[str, bytes]:
    """Content type and body. A JSON file is sent as it is, so it holds the whole request ({"inputs": …})."""
    if request.file is None:
        return "application/json", json.dumps({"inputs": request.inputs}).encode()
    path = loaded.resolve(request.file)
    content_type = CONTENT_TYPES.get(path.suffix.lower())
    if content_type is None:
        raise SmokeError(f"{title}: {request.file} is of no kind that can be sent", f"name it {', '.join(CONTENT_TYPES)}")
    return content_type, _read(path, title)


def _read(path: Path, title: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SmokeError(f"{title}: {path} cannot be read: {error.strerror}", "the path is relative to the spec") from error


def _check_signature(caller: _Caller, name: str) -> None:
    """Without requests of the user's: the release says that it is ready and which model it has."""
    try:
        ready = caller.send("GET", "/v2/health/ready")
        metadata = caller.send("GET", f"/v2/models/{name}")
    except (OSError, http.client.HTTPException) as error:
        raise SmokeError(f"the release does not answer: {_reason(error)}", "the release's log has the cause") from error
    if ready.status != 200:
        raise SmokeError(f"GET /v2/health/ready: expected status 200, got {ready.status}: {_shown(ready.body)}")
    if metadata.status != 200 or not isinstance(metadata.body, dict) or metadata.body.get("name") != name:
        got = f"{metadata.status}: {_shown(metadata.body)}"
        raise SmokeError(f"GET /v2/models/{name}: expected the signature of {name}, got {got}")


class _Caller:
    """Sends a call and reads the answer as JSON where it is some."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def send(self, method: str, path: str, content_type: str = "", body: bytes = b"") -> Answer:
        """Raises OSError or HTTPException when there is no answer."""
        reply = self._ask(Call(method, path, {"content-type": content_type} if content_type else {}, body))
        try:
            return Answer(reply.status, json.loads(reply.body))
        except ValueError:
            return Answer(reply.status, reply.body.decode(errors="replace"))


def differences(expected: Any, got: Any, tolerance: float, path: str = "") -> Iterator[Difference]:
    """Every place where `got` is not as `expected`, in order. A number equals one within `tolerance`; true and 1 differ."""
    if isinstance(expected, dict):
        yield from _object_differences(expected, got, tolerance, path)
    elif isinstance(expected, list):
        yield from _list_differences(expected, got, tolerance, path)
    elif _is_number(expected) and _is_number(got):
        is_close = expected == got or math.isclose(expected, got, rel_tol=0.0, abs_tol=tolerance)
        if not is_close:
            yield Difference(path, f"{expected!r} ± {tolerance:g}", repr(got))
    elif type(expected) is not type(got) or expected != got:
        yield Difference(path, _shown(expected), _shown(got))


def _object_differences(expected: dict[str, Any], got: Any, tolerance: float, path: str) -> Iterator[Difference]:
    if not isinstance(got, dict):
        yield Difference(path, f"an object with {', '.join(map(repr, expected)) or 'any keys'}", _shown(got))
        return
    for key, value in expected.items():
        inner = f"{path}.{key}" if path else str(key)
        if key in got:
            yield from differences(value, got[key], tolerance, inner)
        else:
            yield Difference(inner, _shown(value), f"no such key (there are {', '.join(map(repr, got)) or 'none'})")


def _list_differences(expected: list[Any], got: Any, tolerance: float, path: str) -> Iterator[Difference]:
    if not isinstance(got, list):
        yield Difference(path, f"a list of {len(expected)}", _shown(got))
        return
    if len(expected) != len(got):
        yield Difference(path, f"a list of {len(expected)}", f"one of {len(got)}: {_shown(got)}")
        return
    for index, (value, other) in enumerate(zip(expected, got, strict=True)):
        yield from differences(value, other, tolerance, f"{path}[{index}]")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    """A value as JSON on one line, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
