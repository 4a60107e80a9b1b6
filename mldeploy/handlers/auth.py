"""Who may call: with `access: key`, everything but the two health probes of the server and the page needs the key. (The page
shows the signature and has a field for the key: a browser's first visit cannot bring one.)

The key comes as `Authorization: Bearer KEY` or `x-api-key: KEY` and is compared in constant time; it is never logged. With
`private` and `public` the platform decides who reaches the process, and nothing is checked here.
"""

from __future__ import annotations

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.problems import Problem

OPEN_PATHS = ("/", "/v2/health/live", "/v2/health/ready")
_CHALLENGE = (("www-authenticate", 'Bearer realm="mldeploy"'),)


def check(config: ServingConfig, path: str, headers: dict[str, str]) -> None:
    """Raise Problem unauthorized unless the request may pass."""
    if config.access != "key" or path in OPEN_PATHS:
        return
    from hmac import compare_digest  # imports OpenSSL: only who needs a key pays for that

    given = _given_key(headers)
    if not given:
        raise Problem(
            "unauthorized",
            "this endpoint needs a key",
            field="header authorization",
            expected="Authorization: Bearer KEY, or x-api-key: KEY",
            headers=_CHALLENGE,
        )
    if not compare_digest(given.encode("utf-8", "surrogateescape"), config.api_key.encode()):
        raise Problem(
            "unauthorized",
            "the key is not valid",
            field="header authorization",
            expected="the key that this endpoint was deployed with",
            headers=_CHALLENGE,
        )


def _given_key(headers: dict[str, str]) -> str:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return headers.get("x-api-key", "").strip()
