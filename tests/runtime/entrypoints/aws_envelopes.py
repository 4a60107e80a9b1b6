"""HTTP requests as AWS's front doors deliver them, and answers as their callers get them: stand-ins for the doors themselves.

Written from AWS's documentation of the event formats; the doors cannot be run outside AWS. What is text travels as text, what
is not travels in base64.

    FORMS["v2" | "v1" | "alb" | "alb-multi"](case) ─▶ event             response(answer) ─▶ Response
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from mldeploy.handlers.message import Response

Event = dict[str, Any]
_TEXT = ("text/", "application/json", "application/javascript", "application/xml", "application/problem+json")


def v2(case: Any) -> Event:
    """A function URL, or an HTTP API with payload 2.0."""
    path, _, query = case.target.partition("?")
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in case.fields:
        if name == "cookie":
            cookies += value.split("; ")
        else:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.lambda-url.eu-central-1.on.aws",
            "http": {"method": case.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"},
            "requestId": "5c1a",
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": 1583348638390,
        },
        **_body(case),
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = dict(parse_qsl(query, True))
    return event


def v1(case: Any) -> Event:
    """An HTTP API with payload 1.0."""
    path, _, query = case.target.partition("?")
    lists = _lists(case.fields)
    parameters = _lists(parse_qsl(query, True))
    return {
        "version": "1.0",
        "resource": "$default",
        "path": path,
        "httpMethod": case.method,
        "headers": {name: values[-1] for name, values in lists.items()},
        "multiValueHeaders": lists,
        "queryStringParameters": {name: values[-1] for name, values in parameters.items()} or None,
        "multiValueQueryStringParameters": parameters or None,
        "requestContext": {"stage": "$default", "path": path, "httpMethod": case.method, "requestId": "5c1a"},
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        **_body(case),
    }


def alb(case: Any) -> Event:
    """A load balancer's target group."""
    return {**_balanced(case), "headers": {name: values[-1] for name, values in _lists(case.fields).items()}}


def alb_multi(case: Any) -> Event:
    """The same with `lambda.multi_value_headers.enabled`."""
    event = _balanced(case)
    lists = _lists(_raw_pairs(case.target))
    del event["queryStringParameters"]
    return {**event, "multiValueHeaders": _lists(case.fields), "multiValueQueryStringParameters": lists}


def _balanced(case: Any) -> Event:
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/t/1"}},
        "httpMethod": case.method,
        "path": case.target.partition("?")[0],
        "queryStringParameters": dict(_raw_pairs(case.target)),
        "body": "",
        "isBase64Encoded": False,
        **_body(case),
    }


def _raw_pairs(target: str) -> list[tuple[str, str]]:
    """A load balancer decodes nothing."""
    query = target.partition("?")[2]
    return [(part.partition("=")[0], part.partition("=")[2]) for part in query.split("&") if part]


def _lists(pairs: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _body(case: Any) -> Event:
    if not case.body:
        return {}
    headers = dict(case.fields)
    if headers.get("content-type", "").lower().startswith(_TEXT) and "content-encoding" not in headers:
        try:
            return {"body": case.body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(case.body).decode(), "isBase64Encoded": True}


FORMS: dict[str, Callable[[Any], Event]] = {"v2": v2, "v1": v1, "alb": alb, "alb-multi": alb_multi}


def response(answer: Event) -> Response:
    """What the caller gets."""
    headers = list(answer.get("headers", {}).items())
    headers += [(name, value) for name, values in answer.get("multiValueHeaders", {}).items() for value in values]
    headers += [("set-cookie", value) for value in answer.get("cookies", ())]
    body = answer["body"]
    data = base64.b64decode(body, validate=True) if answer["isBase64Encoded"] else body.encode()
    return Response(answer["statusCode"], tuple(headers), data)
