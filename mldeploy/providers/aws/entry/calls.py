"""One signed call to an AWS service over http.client: no pool, no retries of its own, a bounded wait.

Where a call goes: AWS_ENDPOINT_URL_<SERVICE>, else AWS_ENDPOINT_URL, else the service's own host in the region.
"""

from __future__ import annotations

import http.client
import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from mldeploy.providers.aws.entry.sigv4 import Target, credentials_from, signed

_TIMEOUT_S = 10.0


class Endpoint(NamedTuple):
    """Scheme and host[:port] of a service; `is_own` says that the user set it."""

    scheme: str
    host: str
    is_own: bool


class Answer(NamedTuple):
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def region_of(environ: Mapping[str, str]) -> str:
    """The function's region."""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def endpoint(environ: Mapping[str, str], service: str, region: str) -> Endpoint:
    """Where calls to a service ("s3", "secretsmanager") go."""
    name = {"s3": "S3", "secretsmanager": "SECRETS_MANAGER"}[service]
    url = environ.get(f"AWS_ENDPOINT_URL_{name}") or environ.get("AWS_ENDPOINT_URL")
    if url:
        parts = urlsplit(url)
        return Endpoint(parts.scheme, parts.netloc, True)
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return Endpoint("https", f"{service}.{region}.{domain}", False)


def call(
    environ: Mapping[str, str], scheme: str, target: Target, headers: Mapping[str, str], body: bytes = b"", limit: int = -1
) -> Answer:
    """Sign, send, and read at most `limit` bytes (-1: all). Raises OSError or http.client.HTTPException."""
    sent = signed(target, headers, body, credentials_from(environ))
    connection = _connection(scheme, target.host)
    try:
        url = f"{target.path}?{target.query}" if target.query else target.path
        connection.putrequest(target.method, url, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        data = response.read() if limit < 0 else response.read(limit)
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, data)
    finally:
        connection.close()


def _connection(scheme: str, host: str) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, timeout=_TIMEOUT_S)
    import ssl

    # A bundle of the user's own, as the AWS tools take it; else the system's.
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
    return http.client.HTTPSConnection(host, timeout=_TIMEOUT_S, context=context)
