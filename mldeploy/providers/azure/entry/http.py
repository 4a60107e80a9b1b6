"""HTTP as the Functions worker knows it, and as the runtime does.

    HttpRequest(method, url, headers, body) ─▶ Sent          Response(status, headers, body) ─▶ HttpResponse

The host has decoded the path and encoded it again, joined repeated headers with a comma, and passes on a body only when the
request has a Content-Length: one sent in chunks arrives empty, which is told to the caller instead of predicted.
"""

from __future__ import annotations

import azure.functions as func

from mldeploy.handlers.message import Response
from mldeploy.providers.azure.entry.serving import Sent

NO_LENGTH = "this platform passes a body on only with a Content-Length; send one instead of chunks"


def sent(request: func.HttpRequest, invocation_id: str) -> Sent:
    """The request as it was sent."""
    path, query = target(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Sent(request.method.upper(), path, query, headers, request.get_body(), invocation_id)


def target(url: str) -> tuple[str, str]:
    """Path (escapes and all) and query of an absolute URL."""
    place, _, query = url.partition("?")
    rest = place.partition("://")[2] or place
    return "/" + rest.partition("/")[2], query


def has_lost_its_body(request: Sent) -> bool:
    """Whether the host has dropped the body."""
    return not request.body and "transfer-encoding" in request.headers


def answered(response: Response) -> func.HttpResponse:
    """The answer for the worker, which knows each header once, and cookies apart."""
    headers: dict[str, str] = {}
    cookies = []
    for name, value in response.headers:
        if name == "set-cookie":
            cookies.append(value)
        else:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    answer = func.HttpResponse(response.body, status_code=response.status, headers=headers)
    for cookie in cookies:
        answer.headers.add("set-cookie", cookie)
    return answer
