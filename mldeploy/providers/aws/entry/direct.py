"""Invoke and Scheduler: the event is a JSON document of the caller's own, and so is the answer.

    {"inputs": …}                                             POST /predict with this body
    {"method", "path", "query"?, "headers"?, "body"?}         any route; body: text, base64 with "isBase64Encoded", or JSON

The answer is the JSON document that the route answers (other text as a string, bytes as {"contentType", "body": base64,
"isBase64Encoded": true}). An error is raised: Lambda then sets X-Amz-Function-Error, and `errorMessage` is the problem.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

from mldeploy.handlers import gateway
from mldeploy.handlers.message import Response
from mldeploy.providers.aws.entry import envelope
from mldeploy.providers.aws.entry.deadline import TimedRuntime

_JSON = {"content-type": "application/json"}


class ProblemError(Exception):
    """The answer is a problem; the text is its document."""


def answer(runtime: TimedRuntime, event: Any, request_id: str) -> Any:
    """The answer's document. Raises ProblemError."""
    if type(event) is dict and type(event.get("path")) is str:
        response = _route(runtime, event, request_id)
    else:
        response = _ask(runtime, "POST", "/predict", "", _JSON, _dumped(event), request_id)
    if response.status >= 400:
        raise ProblemError(response.body.decode("utf-8", "replace")) from None
    found = _document(response)
    if len(response.body) > envelope.UNMEASURED_BYTES and envelope.size_bytes(found) > envelope.MAX_BYTES:
        text = f"the answer has {len(response.body)} bytes, more than AWS Lambda passes on; ask for fewer rows"
        raise ProblemError(runtime.reject("body-too-large", text, request_id).body.decode())
    return found


def _route(runtime: TimedRuntime, event: dict[str, Any], request_id: str) -> Response:
    """The form that names a path."""
    body = event.get("body", "")
    if type(body) is not str:
        data = _dumped(body)
    elif event.get("isBase64Encoded"):
        try:
            data = b64decode(body, validate=True)
        except ValueError:
            return runtime.reject("bad-request", "body is not base64, and isBase64Encoded says that it is", request_id)
    else:
        data = body.encode("utf-8", "surrogatepass")
    given = event.get("headers") or {}
    headers = {str(name).lower(): str(value) for name, value in given.items()} if type(given) is dict else {}
    method = str(event.get("method") or ("POST" if data else "GET")).upper()
    path, _, query = event["path"].partition("?")
    return _ask(runtime, method, path, str(event.get("query") or query), {**_JSON, **headers}, data, request_id)


def _ask(
    runtime: TimedRuntime, method: str, path: str, query: str, headers: dict[str, str], body: bytes, request_id: str
) -> Response:
    """Who may invoke the function has been let in by IAM: the endpoint's own key is not asked for."""
    if runtime.config.access == "key":
        headers = {**headers, "x-api-key": runtime.config.api_key}
        headers.pop("authorization", None)
    return gateway.answer(runtime, method, path, query, headers, body, request_id, runtime.began_s)


def _dumped(value: Any) -> bytes:
    """JSON again, NaN and all: whether that is taken is for the core to say."""
    return json.dumps(value).encode("ascii")


def _document(response: Response) -> Any:
    kind = dict(response.headers).get("content-type", "")
    if not response.body:
        return None
    if kind.startswith("application/json"):
        return json.loads(response.body)
    if kind.startswith("text/"):
        return response.body.decode("utf-8", "replace")
    return {"contentType": kind, "isBase64Encoded": True, "body": b64encode(response.body).decode("ascii")}
