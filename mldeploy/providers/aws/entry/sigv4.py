"""AWS Signature Version 4 over the standard library: what two small calls need of an SDK that would weigh 14 MB.

    method, URL, headers, body ─▶ canonical request ─▶ string to sign ─▶ authorization header

Source: "Signature Version 4 signing process", AWS General Reference. Checked against botocore's signer in the tests.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from time import gmtime, strftime, time
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"


class CredentialsError(Exception):
    """There is nothing to sign with."""


class Credentials(NamedTuple):
    """Keys of the function's role. `token` is empty for keys of a user."""

    key: str
    secret: str
    token: str = ""


class Target(NamedTuple):
    """What is called. `path` is percent-encoded already; `query` is a query string or empty."""

    method: str
    host: str
    path: str
    query: str
    region: str
    service: str


def credentials_from(environ: Mapping[str, str]) -> Credentials:
    """The keys that Lambda puts into the environment. Raises CredentialsError."""
    key, secret = environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", "")
    if not key or not secret:
        raise CredentialsError(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; Lambda sets them from the function's role"
        )
    return Credentials(key, secret, environ.get("AWS_SESSION_TOKEN", ""))


def signed(
    target: Target, headers: Mapping[str, str], body: bytes, credentials: Credentials, now_s: float | None = None
) -> dict[str, str]:
    """`headers` (lower-case names) with everything that the call has to carry, the authorization included."""
    stamp = strftime("%Y%m%dT%H%M%SZ", gmtime(time() if now_s is None else now_s))
    digest = hashlib.sha256(body).hexdigest()
    sent = {**headers, "host": target.host, "x-amz-date": stamp}
    if credentials.token:
        sent["x-amz-security-token"] = credentials.token
    if target.service == "s3":
        sent["x-amz-content-sha256"] = digest
    names = ";".join(sorted(sent))
    scope = f"{stamp[:8]}/{target.region}/{target.service}/aws4_request"
    request = _canonical(target, sent, names, digest)
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    signature = hmac.new(_key(credentials.secret, scope), text.encode(), hashlib.sha256).hexdigest()
    sent["authorization"] = f"{_ALGORITHM} Credential={credentials.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return sent


def _canonical(target: Target, headers: Mapping[str, str], names: str, digest: str) -> str:
    # S3 takes the path as it is sent; every other service encodes it once more.
    path = target.path if target.service == "s3" else quote(target.path, safe=f"/{_UNRESERVED}")
    pairs = sorted((quote(k, safe=_UNRESERVED), quote(v, safe=_UNRESERVED)) for k, v in parse_qsl(target.query, True))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    fields = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    return "\n".join((target.method, path or "/", query, fields, names, digest))


def _key(secret: str, scope: str) -> bytes:
    """The signing key: the secret, narrowed to a day, a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
