"""Function URLs: the front door that moto lacks. A request becomes an event of payload 2.0, the answer an HTTP response."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any
from urllib.parse import unquote

from moto.awslambda.models import FunctionUrlConfig, LambdaFunction, lambda_backends
from standin.web import Answer, Asked

TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml", "application/x-www-form-urlencoded")


class FunctionUrls:
    """Host name -> function. `port` is where the door is."""

    def __init__(self, port: int, domain: str) -> None:
        self._port = port
        self._domain = domain
        self._hosts: dict[str, FunctionUrlConfig] = {}

    def patch(self) -> None:
        """Give every function URL an address that leads here."""
        made, urls = FunctionUrlConfig.__init__, self

        def init(self: FunctionUrlConfig, function: LambdaFunction, config: dict[str, Any]) -> None:
            made(self, function, config)
            host = f"{uuid.uuid4().hex}.lambda-url.{function.region}.{urls._domain}"
            self.url = f"https://{host}:{urls._port}/"
            urls._hosts[host] = self

        FunctionUrlConfig.__init__ = init  # type: ignore[method-assign]

    def __call__(self, asked: Asked) -> Answer:
        config = self._hosts.get(asked.headers.get("host", "").partition(":")[0])
        if config is None:
            return _json(404, {"Message": "Not Found"})
        is_signed = asked.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 ")
        if config.config.get("AuthType") == "AWS_IAM" and not is_signed:
            return _json(403, {"Message": "Forbidden. For troubleshooting Function URL authorization issues, see the docs."})
        function = config.function
        backend = lambda_backends[function.account_id][function.region]
        qualifier = config.config.get("Qualifier") or "live"
        try:
            served = backend.get_function(function.function_name, qualifier)
        except Exception:
            served = function
        answer, is_error, _ = served._invoke_lambda(json.dumps(_event(asked, config)))
        return _json(502, {"message": "Internal Server Error"}) if is_error else _response(json.loads(answer))


def _event(asked: Asked, config: FunctionUrlConfig) -> dict[str, Any]:
    path, _, query = asked.target.partition("?")
    cookies = [cookie.strip() for cookie in asked.headers.get("cookie", "").split(";") if cookie.strip()]
    headers = {name: value for name, value in asked.headers.items() if name != "cookie"}
    is_text = asked.headers.get("content-type", "").startswith(TEXT_TYPES)
    host = asked.headers.get("host", "")
    now = time.time()
    context = {
        "accountId": "anonymous",
        "apiId": host.partition(".")[0],
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "http": {
            "method": asked.method,
            "path": unquote(path),
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": asked.headers.get("user-agent", ""),
        },
        "requestId": str(uuid.uuid4()),
        "routeKey": "$default",
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": bool(asked.body) and not is_text,
    }
    if cookies:
        event["cookies"] = cookies
    if asked.query:
        event["queryStringParameters"] = dict(asked.query)
    if asked.body:
        event["body"] = asked.body.decode() if is_text else base64.b64encode(asked.body).decode()
    return event


def _response(document: Any) -> Answer:
    if not isinstance(document, dict) or "statusCode" not in document:
        return Answer(json.dumps(document).encode(), 200, {"content-type": "application/json"})
    text = document.get("body") or ""
    body = base64.b64decode(text) if document.get("isBase64Encoded") else text.encode()
    headers = {name: str(value) for name, value in (document.get("headers") or {}).items() if name.lower() != "content-length"}
    return Answer(body, int(document["statusCode"]), headers)


def _json(status: int, document: Any) -> Answer:
    return Answer(json.dumps(document).encode(), status, {"content-type": "application/json"})
