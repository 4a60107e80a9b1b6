"""How a secret is referred to: `env:` and `file:` go into the deployment's own vault, a vault's address is used as it is."""

from __future__ import annotations

import re

KEY_NAME = "MLDEPLOY_API_KEY"
GENERATED_KEY = "generated:key"
_VAULT_SECRET = re.compile(r"https://[A-Za-z0-9-]{3,24}\.vault\.azure\.net/secrets/[A-Za-z0-9-]{1,127}(/[0-9a-f]{32})?")


def is_known(reference: str) -> bool:
    """Whether this provider can resolve a reference of this form."""
    is_ours = reference.startswith(("env:", "file:")) and reference.partition(":")[2].strip() != ""
    return is_ours or is_address(reference)


def is_address(reference: str) -> bool:
    """Whether it is a secret in a vault of the user's own."""
    return _VAULT_SECRET.fullmatch(reference) is not None


def secret_name(variable: str) -> str:
    """What the secret of this variable is called in the vault (letters, digits and hyphens) and in the container app."""
    return variable.lower().replace("_", "-")
