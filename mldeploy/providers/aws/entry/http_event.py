"""HTTP as API Gateway, function URLs and load balancers hand it over: events into calls of the gateway.

                 path       headers              repeated headers           query
    V2           rawPath    headers, cookies     joined by the platform     rawQueryString
    V1           path       multiValueHeaders    lists                      multiValueQueryStringParameters, decoded
    ALB          path       headers              the last one counts        queryStringParameters, as sent
    ALB_MULTI    path       multiValueHeaders    lists                      multiValueQueryStringParameters, as sent

A body is text unless `isBase64Encoded`. A named stage of an HTTP API stands before the path and is taken off. Whether rawPath
comes with its percent-escapes or without is not said by the platform's documentation: both are read.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from mldeploy.handlers import gateway
from mldeploy.handlers.message import Response
from mldeploy.providers.aws.entry import envelope
from mldeploy.providers.aws.entry.deadline import TimedRuntime

Event = dict[str, Any]


class Call(NamedTuple):
    """The request line and headers of an event. `path` is as sent, but for the stage."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


class Envelope(NamedTuple):
    """How one kind of event is read, and how its answer is written."""

    read: Callable[[Event], Call]
    write: Callable[[Response], Event]


def answer(runtime: TimedRuntime, form: Envelope, event: Event, request_id: str) -> Event:
    """The platform's answer to its event. Never raises for anything that a caller can send."""
    method, path, query, headers = form.read(event)
    body = event.get("body") or ""
    try:
        data = b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")
    except ValueError:
        said = headers.get("x-request-id") or request_id
        return form.write(runtime.reject("bad-request", "the event's body is not base64", said, method=method, path=path))
    response = gateway.answer(runtime, method, path, query, headers, data, request_id, runtime.began_s)
    written = form.write(response)
    if len(response.body) > envelope.UNMEASURED_BYTES:
        size = envelope.size_bytes(written)
        if size > envelope.MAX_BYTES:
            said = dict(response.headers).get("x-request-id", request_id)
            return form.write(_too_large(runtime, method, path, len(response.body), said))
    return written


def _too_large(runtime: TimedRuntime, method: str, path: str, size: int, request_id: str) -> Response:
    text = (
        f"the answer has {size} bytes, more than AWS Lambda passes on ({envelope.MAX_BYTES} bytes as JSON); "
        "ask for fewer rows or fewer outputs in one request"
    )
    return runtime.reject("body-too-large", text, request_id, method=method, path=path)


def _read_v2(event: Event) -> Call:
    about = event["requestContext"]
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    cookies = event.get("cookies")
    if cookies:
        headers["cookie"] = "; ".join(cookies)
    path = event.get("rawPath") or "/"
    stage = about.get("stage", "$default")
    if stage != "$default":
        path = _without(path, stage)
    return Call(about["http"]["method"], path, event.get("rawQueryString", ""), headers)


def _read_v1(event: Event) -> Call:
    about = event["requestContext"]
    path = event.get("path") or "/"
    # A REST API has the stage in requestContext.path alone; an HTTP API has it in both.
    if about.get("path") == path and about.get("stage", "$default") != "$default":
        path = _without(path, about["stage"])
    return Call(event["httpMethod"], path, _query(event, is_decoded=True), _headers(event))


def _read_alb(event: Event) -> Call:
    return Call(event["httpMethod"], event.get("path") or "/", _query(event, is_decoded=False), _headers(event))


def _without(path: str, stage: str) -> str:
    prefix = f"/{stage}"
    if path == prefix:
        return "/"
    return path[len(prefix) :] if path.startswith(f"{prefix}/") else path


def _headers(event: Event) -> dict[str, str]:
    """Lower-case names; repeated ones joined, names that differ in case alone, too."""
    lists = event.get("multiValueHeaders")
    pairs: Iterable[tuple[str, str]] = (
        ((name, value) for name, values in lists.items() for value in values) if lists else (event.get("headers") or {}).items()
    )
    headers: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        if key in headers:
            headers[key] += ("; " if key == "cookie" else ", ") + value
        else:
            headers[key] = value
    return headers


def _query(event: Event, *, is_decoded: bool) -> str:
    lists = event.get("multiValueQueryStringParameters")
    if lists:
        pairs = [(name, value) for name, values in lists.items() for value in values]
    else:
        pairs = list((event.get("queryStringParameters") or {}).items())
    if not pairs:
        return ""
    if is_decoded:
        from urllib.parse import urlencode

        return urlencode(pairs)
    return "&".join([f"{name}={value}" for name, value in pairs])


V2 = Envelope(_read_v2, envelope.v2)
V1 = Envelope(_read_v1, envelope.v1)
ALB = Envelope(_read_alb, envelope.alb)
ALB_MULTI = Envelope(_read_alb, envelope.alb_multi)
