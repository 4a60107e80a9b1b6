"""Who delivers an event: the OpenID Connect token that Eventarc sends with it, checked as Google documents it.

    header.payload.signature ─▶ RS256 under one of Google's published keys ─▶ issuer · not expired · this account, verified

With `access: private` the platform itself lets only the trigger's account in. With `key` and `public` everybody reaches the
container, so the token is checked here; a signature is verified with the standard library (one modular power, and the padding
compared as a whole). Not verified against the real service: the token here is made by the tests.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from time import time
from typing import Any

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
_CERTS_HOST, _CERTS_PATH = "www.googleapis.com", "/oauth2/v3/certs"
_CERTS_LIFE_S = 3600.0
_TIMEOUT_S = 5.0
_SKEW_S = 60.0
_MIN_KEY_BYTES = 256
# The DER prefix of a SHA-256 digest in a PKCS #1 v1.5 signature (RFC 8017, 9.2).
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")

Keys = Mapping[str, tuple[int, int]]


class IdentityError(Exception):
    """The token does not prove who sent it; the message says why."""


class Verifier:
    """Checks tokens of one account. `fetch` gets Google's keys (a JWK set); they are kept for an hour."""

    def __init__(self, account: str, fetch: Callable[[], bytes] | None = None, clock: Callable[[], float] = time) -> None:
        self._account = account
        self._fetch = fetch or fetch_certs
        self._clock = clock
        self._keys: Keys = {}
        self._keys_until_s = 0.0

    def check(self, authorization: str) -> None:
        """Raise IdentityError unless the header carries a token of the account; OSError when the keys cannot be had."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or token.count(".") != 2:
            raise IdentityError("an event needs the identity token of its trigger: Authorization: Bearer TOKEN")
        signed, _, signature = token.strip().rpartition(".")
        try:
            head, claims = (json.loads(_decoded(part)) for part in signed.split("."))
            is_signed = head.get("alg") == "RS256" and self._is_signed(str(head.get("kid")), signed, _decoded(signature))
            self._check_claims(claims, is_signed)
        except (ValueError, AttributeError, TypeError, KeyError):
            raise IdentityError("the token is not a JSON Web Token") from None

    def _is_signed(self, key_id: str, signed: str, signature: bytes) -> bool:
        key = self._key(key_id)
        if key is None:
            return False
        from hashlib import sha256

        modulus, exponent = key
        length = (modulus.bit_length() + 7) // 8
        if length < _MIN_KEY_BYTES or len(signature) != length:
            return False
        digest = _SHA256 + sha256(signed.encode("ascii")).digest()
        expected = b"\x00\x01" + b"\xff" * (length - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(length, "big") == expected

    def _check_claims(self, claims: dict[str, Any], is_signed: bool) -> None:
        if not is_signed:
            raise IdentityError("the token is not signed by Google")
        if claims.get("iss") not in ISSUERS:
            raise IdentityError("the token was issued by somebody else than Google")
        if float(claims["exp"]) + _SKEW_S < self._clock():
            raise IdentityError("the token has expired")
        if claims.get("email") != self._account or claims.get("email_verified") is not True:
            raise IdentityError("the token belongs to another account than the trigger's")

    def _key(self, key_id: str) -> tuple[int, int] | None:
        now = self._clock()
        if now >= self._keys_until_s:
            self._keys = parse_keys(self._fetch())
            self._keys_until_s = now + _CERTS_LIFE_S
        return self._keys.get(key_id)


def parse_keys(document: bytes) -> Keys:
    """Modulus and exponent of each RSA key of a JWK set, by its id."""
    keys = json.loads(document)["keys"]
    return {key["kid"]: (_number(key["n"]), _number(key["e"])) for key in keys if key.get("kty") == "RSA"}


def fetch_certs() -> bytes:
    """The keys that Google signs with now. Raises OSError."""
    from http.client import HTTPException, HTTPSConnection

    connection = HTTPSConnection(_CERTS_HOST, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", _CERTS_PATH)
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"{_CERTS_HOST} answers {answer.status}")
        return answer.read()
    except HTTPException as error:
        raise OSError(f"{_CERTS_HOST}: {error}") from error
    finally:
        connection.close()


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")
