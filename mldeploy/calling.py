"""How an endpoint is called, by whoever calls it: the smoke requests, `invoke`, `bench`. Standard library only.

Endpoint + Call ─▶ sign (the endpoint's own headers, a signature or token) ─▶ HTTP, or the endpoint's own `send` ─▶ Reply
"""

from __future__ import annotations

import http.client
from dataclasses import replace
from urllib.parse import urlsplit

from mldeploy.providers.contract import Call, Endpoint, Reply


def call(endpoint: Endpoint, request: Call, timeout_s: float) -> Reply:
    """One request on a connection of its own. Raises OSError or http.client.HTTPException when no answer comes, and what
    `endpoint.sign` raises (ProviderError without credentials)."""
    request = replace(request, headers={**endpoint.headers, **request.headers})
    if endpoint.sign is not None:
        request = replace(request, headers={**request.headers, **endpoint.sign(request)})
    return endpoint.send(request, timeout_s) if endpoint.send is not None else _over_http(endpoint.url, request, timeout_s)


def _over_http(url: str, request: Call, timeout_s: float) -> Reply:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        headers = {"connection": "close", **request.headers}
        connection.request(request.method, parts.path.rstrip("/") + request.path, request.body or None, headers)
        response = connection.getresponse()
        body = response.read()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
    finally:
        connection.close()
