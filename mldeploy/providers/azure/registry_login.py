"""Signing in to the container registry with the caller's own Entra token, as `az acr login` does: no admin user, no password.

Entra token ─POST https://<registry>/oauth2/exchange─▶ refresh token of the registry, good for some hours
"""

from __future__ import annotations

from urllib.parse import urlencode

from mldeploy.errors import ProviderError
from mldeploy.providers.azure.client import translated
from mldeploy.providers.azure.credentials import MANAGEMENT, Tokens
from mldeploy.providers.azure.exchange import exchange, failure
from mldeploy.stacks.cloud import Login

TOKEN_USER = "00000000-0000-0000-0000-000000000000"  # noqa: S105 - what the registry calls whoever brings a token


def login(registry: str, tokens: Tokens, tenant: str = "") -> Login:
    """`registry` is its host. Raises ProviderError: without credentials, or when the caller may not push."""
    form = {"grant_type": "access_token", "service": registry, "access_token": tokens.get(MANAGEMENT)}
    body = urlencode({**form, **({"tenant": tenant} if tenant else {})}).encode()
    answer = exchange(
        "POST", f"https://{registry}/oauth2/exchange", {"content-type": "application/x-www-form-urlencoded"}, body
    )
    if answer.status in (401, 403):
        raise ProviderError(
            f"{registry} refuses this sign-in ({answer.status})",
            "get the role: az role assignment create --assignee YOU --role AcrPush"
            f" --scope $(az acr show -n {registry.partition('.')[0]} --query id -o tsv)",
        )
    if answer.status >= 400:
        raise translated(failure(answer))
    token = answer.json().get("refresh_token", "")
    if not token:
        raise ProviderError(f"{registry} answered the sign-in without a token", "check that the address is a registry's")
    return Login(TOKEN_USER, token)
