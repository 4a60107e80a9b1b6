"""`python -m mldeploy.providers.aws.entry.probe`: the Lambda handler, asked on standard input (handlers/probe.py).

Every request goes through the function URL's envelope, there and back, as Lambda would call the handler.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from itertools import count
from typing import Any

from mldeploy.handlers.message import Request, Response

_REMAINING_MS = 900_000


class Context:
    """What the handler asks of Lambda's context."""

    _numbers = count(1)

    def __init__(self) -> None:
        self.aws_request_id = f"probe-{next(self._numbers)}"

    def get_remaining_time_in_millis(self) -> int:
        """Lambda's longest timeout: the request's own limit decides."""
        return _REMAINING_MS


def event(request: Request) -> dict[str, Any]:
    """The request as a function URL delivers it; the path as it was sent."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": request.headers,
        "requestContext": {"stage": "$default", "http": {"method": request.method, "path": request.path}},
        "body": b64encode(request.body).decode("ascii"),
        "isBase64Encoded": True,
    }


def response(answer: dict[str, Any]) -> Response:
    """The handler's answer as a function URL would send it."""
    body = answer["body"]
    data = b64decode(body) if answer["isBase64Encoded"] else body.encode()
    headers = (*answer["headers"].items(), *(("set-cookie", value) for value in answer.get("cookies", ())))
    return Response(answer["statusCode"], headers, data)


def through(handler: Callable[[Any, Any], Any]) -> Callable[[Request], Response]:
    """Ask a handler as Lambda does: what goes in and comes out is JSON."""
    return lambda request: response(json.loads(json.dumps(handler(event(request), Context()))))


def main() -> None:
    """Load, then answer until standard input ends."""
    from mldeploy.handlers import probe

    answers = probe.take_stdout()
    from mldeploy.providers.aws.entry.lambda_function import handler

    probe.serve(through(handler), answers)


if __name__ == "__main__":
    main()
