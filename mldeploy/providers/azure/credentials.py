"""Access tokens for the caller's own identity, by azure-identity (imported when first needed).

What Pulumi's Azure provider reads (ARM_CLIENT_ID and so on) counts too, so that the engine and these calls are the same caller.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from mldeploy.errors import ProviderError

MANAGEMENT = "https://management.azure.com/.default"
VAULT = "https://vault.azure.net/.default"
LOGS = "https://api.loganalytics.io/.default"
EARLY_S = 120.0
NO_SDK = "pip install 'mldeploy[azure]'"
SIGN_IN = "run `az login`; in CI, set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or sign in by OIDC"
_PAIRS = {
    "AZURE_CLIENT_ID": "ARM_CLIENT_ID",
    "AZURE_TENANT_ID": "ARM_TENANT_ID",
    "AZURE_CLIENT_SECRET": "ARM_CLIENT_SECRET",
}


class Tokens:
    """Tokens by scope, kept until shortly before they end."""

    def __init__(self) -> None:
        self._credential: Any = None
        self._kept: dict[str, tuple[str, float]] = {}

    def get(self, scope: str) -> str:
        """A token for `scope`. Raises ProviderError without usable credentials."""
        token, expires_on = self._kept.get(scope, ("", 0.0))
        if time.time() >= expires_on - EARLY_S:
            token, expires_on = self._ask(scope)
            self._kept[scope] = token, expires_on
        return token

    def _ask(self, scope: str) -> tuple[str, float]:
        try:
            if self._credential is None:
                self._credential = _credential(os.environ)
            from azure.core.exceptions import ClientAuthenticationError
        except ModuleNotFoundError as error:
            raise ProviderError("the Azure SDK is not installed", NO_SDK) from error
        try:
            found = self._credential.get_token(scope)
        except (ClientAuthenticationError, ValueError) as error:
            raise ProviderError(f"no usable Azure credentials: {_first_line(error)}", SIGN_IN) from error
        return found.token, float(found.expires_on)


def _credential(environ: Mapping[str, str]) -> Any:
    """The chain of Azure's own tools, without those that would open a window."""
    from azure.identity import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential

    given = {name: environ.get(name) or environ.get(other) or "" for name, other in _PAIRS.items()}
    if all(given.values()):
        return ClientSecretCredential(given["AZURE_TENANT_ID"], given["AZURE_CLIENT_ID"], given["AZURE_CLIENT_SECRET"])
    if environ.get("IDENTITY_ENDPOINT"):
        return ManagedIdentityCredential(client_id=given["AZURE_CLIENT_ID"] or None)
    return DefaultAzureCredential(
        exclude_interactive_browser_credential=True,
        exclude_visual_studio_code_credential=True,
        exclude_powershell_credential=True,
    )


def _first_line(error: Exception) -> str:
    """What matters of azure-identity's many lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    expired = [line for line in lines if "AADSTS" in line or "expired" in line.lower()]
    return (expired or lines or [type(error).__name__])[0][:300]
