"""Answers as API Gateway, function URLs and load balancers want them.

                 headers                                repeated headers           besides
    v2           headers                                joined; cookies apart      cookies
    v1           headers, multiValueHeaders             multiValueHeaders
    alb          headers                                joined; the last cookie    statusDescription
    alb_multi    multiValueHeaders                      multiValueHeaders          statusDescription

A body is text where it is text of UTF-8, else base64.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from mldeploy.handlers import codec_json
from mldeploy.handlers.message import Response

# What Lambda takes from a function: 6 MB as JSON (source: AWS Lambda quotas, "Invocation payload", read 2026-11).
MAX_BYTES = 6 * 1024 * 1024
# A body up to this size fits whatever JSON does to it: an escaped character is at most six bytes, and base64 four thirds.
UNMEASURED_BYTES = 1_000_000

_REASONS = {
    200: "200 OK",
    204: "204 No Content",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    413: "413 Content Too Large",
    415: "415 Unsupported Media Type",
    422: "422 Unprocessable Content",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
    504: "504 Gateway Timeout",
}


def v2(response: Response) -> dict[str, Any]:
    """For a function URL and an HTTP API with payload 2.0."""
    headers: dict[str, str] = {}
    cookies = []
    for name, value in response.headers:
        if name == "set-cookie":
            cookies.append(value)
        else:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body, is_base64 = _body(response)
    answer = {"statusCode": response.status, "headers": headers, "body": body, "isBase64Encoded": is_base64}
    if cookies:
        answer["cookies"] = cookies
    return answer


def v1(response: Response) -> dict[str, Any]:
    """For an HTTP API with payload 1.0 and a REST API. (Binary bodies need the REST API's binaryMediaTypes.)"""
    headers: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for name, value in response.headers:
        if name in lists:
            lists[name].append(value)
        elif name in headers:
            lists[name] = [headers.pop(name), value]
        else:
            headers[name] = value
    body, is_base64 = _body(response)
    answer = {"statusCode": response.status, "headers": headers, "body": body, "isBase64Encoded": is_base64}
    if lists:
        answer["multiValueHeaders"] = lists
    return answer


def alb(response: Response) -> dict[str, Any]:
    """For a load balancer whose target group has single headers."""
    headers: dict[str, str] = {}
    for name, value in response.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers and name != "set-cookie" else value
    return {**_described(response), "headers": headers}


def alb_multi(response: Response) -> dict[str, Any]:
    """For a load balancer whose target group has `lambda.multi_value_headers.enabled`."""
    lists: dict[str, list[str]] = {}
    for name, value in response.headers:
        lists.setdefault(name, []).append(value)
    return {**_described(response), "multiValueHeaders": lists}


def size_bytes(answer: Any) -> int:
    """How large the answer is on its way, as marshaller.py writes it."""
    return len(codec_json.dumps(answer))


def _described(response: Response) -> dict[str, Any]:
    body, is_base64 = _body(response)
    return {
        "statusCode": response.status,
        "statusDescription": _REASONS.get(response.status, str(response.status)),
        "body": body,
        "isBase64Encoded": is_base64,
    }


def _body(response: Response) -> tuple[str, bool]:
    """The body as the platform takes it, and whether that is base64."""
    data = response.body
    if not data:
        return "", False
    kind = response.headers[0][1] if response.headers and response.headers[0][0] == "content-type" else _content_type(response)
    if kind.startswith(("application/json", "text/", "application/problem+json")):
        try:
            return data.decode(), False
        except UnicodeDecodeError:
            pass
    return b64encode(data).decode("ascii"), True


def _content_type(response: Response) -> str:
    return dict(response.headers).get("content-type", "")
