"""The identity token that Cloud Run wants of a caller of a private service: signed by Google, made for the service's URL.

    service account key, impersonation, metadata server   google-auth gives one for any audience
    federated (a CI's own sign-in)                          the IAM Credentials API gives one for the account behind it
    a person (gcloud auth application-default login)        Google gives none for an audience; Cloud Run takes gcloud's own

The audience is always the service's URL, of a tagged revision as well.
"""

from __future__ import annotations

import base64
import binascii
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

from mldeploy.errors import ProviderError
from mldeploy.providers.gcp import client as rest
from mldeploy.providers.gcp.client import Client

MARGIN_S = 120.0
GCLOUD_TIMEOUT_S = 60.0
IMPERSONATE = "gcloud auth application-default login --impersonate-service-account=ACCOUNT (one that is in clouds.gcp.invokers)"


class IdentityToken:
    """A token for one audience, asked for when it is needed and kept until it is about to expire."""

    def __init__(self, audience: str, project: str, fetch: Callable[[str, str], str] | None = None) -> None:
        self._audience = audience
        self._project = project
        self._fetch = fetch or fetch_token
        self._token = ""

    def get(self) -> str:
        """Raises ProviderError when there are no credentials, or none that Google gives such a token for."""
        if _expiry_s(self._token) < time.time() + MARGIN_S:
            self._token = self._fetch(self._audience, self._project)
        return self._token


def fetch_token(audience: str, project: str) -> str:
    """A new token. Raises ProviderError."""
    found = rest.credentials(project)
    kind = f"{type(found).__module__}.{type(found).__name__}"
    if kind == "google.oauth2.credentials.Credentials":
        return _from_gcloud()
    email = getattr(found, "service_account_email", None)
    if kind.startswith("google.auth.") and hasattr(found, "token_info_url"):
        return _from_iam(found, audience, email, project)
    maker = _identity_credentials(found, audience, kind)
    rest.refresh(maker)
    return str(maker.token)


def _identity_credentials(found: Any, audience: str, kind: str) -> Any:
    """google-auth's own identity credentials that go with these. Raises ProviderError for a kind that has none."""
    from google.auth import compute_engine, impersonated_credentials
    from google.auth.transport.requests import Request
    from google.oauth2 import service_account

    key, acting, machine = _untyped(service_account, impersonated_credentials, compute_engine)

    if isinstance(found, service_account.Credentials):
        return key(found.signer, found.service_account_email, found._token_uri, audience)
    if isinstance(found, impersonated_credentials.Credentials):
        return acting(found, target_audience=audience, include_email=True)
    if isinstance(found, compute_engine.Credentials):
        return machine(Request(), audience, use_metadata_identity_endpoint=True)
    raise ProviderError(f"Google gives no identity token for credentials of the kind {kind}", IMPERSONATE)


def _untyped(*modules: Any) -> list[Any]:
    """google-auth has no types."""
    return [module.IDTokenCredentials for module in modules]


def _from_iam(found: Any, audience: str, email: str | None, project: str) -> str:
    """For federated credentials: of the service account that they act as."""
    if not email:
        raise ProviderError("these federated credentials act as no service account and cannot call a service", IMPERSONATE)
    rest.refresh(found)
    with Client.open(project) as client:
        path = f"v1/projects/-/serviceAccounts/{email}:generateIdToken"
        answer = client.call("POST", "iamcredentials", path, {"audience": audience, "includeEmail": True})
    return str(answer.get("token", ""))


def _from_gcloud() -> str:
    """The token of whoever is signed in to gcloud, as Google documents it for a developer who calls a private service."""
    program = shutil.which("gcloud")
    if program is None:
        raise ProviderError("a person's credentials need gcloud for an identity token, and it is not on the PATH", IMPERSONATE)
    try:
        done = subprocess.run(
            [program, "auth", "print-identity-token"], capture_output=True, text=True, timeout=GCLOUD_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProviderError(f"gcloud auth print-identity-token does not answer: {error}", IMPERSONATE) from error
    token = done.stdout.strip()
    if done.returncode != 0 or token.count(".") != 2:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ProviderError(f"gcloud gives no identity token: {last}", "gcloud auth login")
    return token


def _expiry_s(token: str) -> float:
    """When a token ends, seconds since 1970; 0 for one that cannot be read."""
    try:
        body = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return 0.0
