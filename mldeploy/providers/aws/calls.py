"""How a deployment on AWS is asked: over its URL, signed where it is private, or through Lambda's Invoke API.

private, URL or HTTP API     HTTP with a signature (SigV4) for each call
key, public                  plain HTTP; the key is a header
no endpoint, or a candidate  Invoke with the event that a function URL would send (payload 2.0)
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from mldeploy.errors import MldeployError, ProviderError
from mldeploy.providers.aws.client import Clients, asking
from mldeploy.providers.contract import Call, Endpoint, Reply

SERVICES = {"url": "lambda", "http_api": "execute-api"}


def signer(clients: Clients, url: str, service: str) -> Callable[[Call], Mapping[str, str]]:
    """Signs calls to `url`."""
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return lambda call: clients.signature(service, call.method, base + call.path, call.headers, call.body)


def invoker(clients: Clients, function: str, qualifier: str) -> Callable[[Call, float], Reply]:
    """Sends calls through the Invoke API to one version or alias."""

    def send(call: Call, timeout_s: float) -> Reply:
        client = clients("lambda", read_s=timeout_s, attempts=1)
        request = {"FunctionName": function, "Qualifier": qualifier, "Payload": json.dumps(event(call)).encode()}
        try:
            with asking(f"{function} could not be invoked"):
                answer = client.invoke(**request)
                payload = answer["Payload"].read()
        except ProviderError:
            raise
        except MldeployError as error:
            raise OSError(error.message) from error
        if answer.get("FunctionError"):
            raise OSError(_failure(payload))
        return reply(payload)

    return send


def event(call: Call) -> dict[str, Any]:
    """The call as a function URL delivers it."""
    path, _, query = call.path.partition("?")
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-length": str(len(call.body)), **call.headers},
        "requestContext": {
            "routeKey": "$default",
            "stage": "$default",
            "http": {"method": call.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
        },
        "body": b64encode(call.body).decode("ascii"),
        "isBase64Encoded": True,
    }


def reply(payload: bytes) -> Reply:
    """What the handler returned, as a function URL would send it. Raises OSError when it is nothing of the kind."""
    try:
        answer = json.loads(payload)
        body = answer.get("body") or ""
        data = b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        headers = {str(name).lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
        return Reply(int(answer["statusCode"]), headers, data)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise OSError(f"the function answered what is no HTTP answer: {payload[:200]!r}") from error


def endpoint(
    clients: Clients, document: Mapping[str, Any], outputs: Mapping[str, Any], key: str, *, is_candidate: bool
) -> Endpoint:
    """How to call what serves, or the version that has no traffic yet. `key` is "" where none is needed."""
    url, visibility = str(outputs["url"]), str(document["visibility"])
    headers = {"authorization": f"Bearer {key}"} if key else {}
    kind = document["endpoint"]
    if is_candidate or kind == "none":
        qualifier = str(outputs["candidate_version" if is_candidate else "alias"])
        send = invoker(clients, str(outputs["function"]), qualifier)
        return Endpoint(url, headers, visibility, send=send)
    sign = signer(clients, url, SERVICES[kind]) if document["access"] == "private" else None
    return Endpoint(url, headers, visibility, sign=sign)


def _failure(payload: bytes) -> str:
    """Lambda's own words about a failed invocation."""
    try:
        found = json.loads(payload)
        return f"{found.get('errorType', 'error')}: {found.get('errorMessage', '')}"
    except (ValueError, AttributeError):
        return payload[:300].decode("utf-8", "replace")
