"""What `mldeploy doctor` looks at for Azure: SDK, engine, Docker, sign-in, subscription, and what is switched on there.

Each check goes as far as it can; one that has no ground to stand on says so instead of failing for another's reason.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from mldeploy.errors import ProviderError
from mldeploy.providers.azure import account
from mldeploy.providers.azure.client import AzureClient
from mldeploy.providers.azure.credentials import MANAGEMENT, SIGN_IN
from mldeploy.providers.azure.document import subscription
from mldeploy.providers.contract import Finding

MODULES = {"pulumi": "pulumi", "pulumi-azure-native": "pulumi_azure_native", "azure-identity": "azure.identity"}
VARIABLES = (
    "AZURE_CLIENT_ID",
    "ARM_CLIENT_ID",
    "IDENTITY_ENDPOINT",
    "MSI_ENDPOINT",
    "AZURE_FEDERATED_TOKEN_FILE",
    "ARM_USE_OIDC",
    "ARM_USE_MSI",
)
PROFILES = ("azureProfile.json",)
NAMESPACES = ("Microsoft.App", *account.needed({"plan": "premium", "secrets": {"any": ""}, "trigger": None, "budget": None}))


def checks() -> Iterator[Finding]:
    """Every finding, in the order in which things are needed."""
    from mldeploy import image
    from mldeploy.stacks import engine

    missing = [package for package, module in MODULES.items() if not _has(module)]
    if missing:
        yield Finding("SDK", False, f"missing: {', '.join(missing)}", "pip install 'mldeploy[azure]'")
    else:
        yield Finding("SDK", True, ", ".join(MODULES))
    yield from engine.checks()
    yield from image.checks()
    yield from _account(bool(missing))


def _account(is_without_sdk: bool) -> Iterator[Finding]:
    if not _has_sign_in():
        yield Finding("credentials", False, "no sign-in found on this machine", SIGN_IN)
        is_signed_in = False
    elif is_without_sdk:
        yield Finding("credentials", False, "cannot be tried without the SDK", "pip install 'mldeploy[azure]'")
        is_signed_in = False
    else:
        finding = _token()
        is_signed_in = finding.is_ok
        yield finding
    named = subscription(None)
    if not named.value:
        yield Finding("subscription", False, "none in the environment (a spec may name one)", account.NO_SUBSCRIPTION)
        return
    yield Finding("subscription", True, f"{named.value} ({named.origin})")
    if is_signed_in:
        yield _services(str(named.value))


def _token() -> Finding:
    try:
        AzureClient().tokens.get(MANAGEMENT)
    except ProviderError as error:
        return Finding("credentials", False, error.message, error.hint or SIGN_IN)
    return Finding("credentials", True, "a token was given")


def _services(name: str) -> Finding:
    try:
        missing = list(account.unregistered(AzureClient(), name, NAMESPACES))
    except ProviderError as error:
        return Finding("services", False, error.message, error.hint or account.NO_SUBSCRIPTION)
    if missing:
        commands = " && ".join(f"az provider register --namespace {each} --wait" for each in missing)
        return Finding("services", False, f"not switched on: {', '.join(missing)}", commands)
    return Finding("services", True, ", ".join(NAMESPACES))


def _has_sign_in() -> bool:
    """Whether anything on this machine could sign in; asking without would wait for services that are not there."""
    folder = Path(os.environ.get("AZURE_CONFIG_DIR") or Path.home() / ".azure")
    return any(os.environ.get(name) for name in VARIABLES) or any((folder / name).is_file() for name in PROFILES)


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
