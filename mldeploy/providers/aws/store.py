"""The deployment's one secret in Secrets Manager: a JSON object of names and values. Values pass through memory only.

What is stored is what the spec names: a name that it no longer has goes, a value that is not given now stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mldeploy.errors import DeployError
from mldeploy.providers.aws.client import Clients, asking, missing_is_fine
from mldeploy.providers.aws.references import KEY_NAME

_MISSING = "ResourceNotFoundException"


def read(clients: Clients, secret: str) -> dict[str, str]:
    """The stored values; empty before the first were put in."""
    with asking("the deployment's secret cannot be read"), missing_is_fine(_MISSING):
        text = clients("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        return _object(text, secret)
    return {}


def write(clients: Clients, secret: str, names: list[str], values: Mapping[str, str]) -> bool:
    """Put in `values`, where one differs; True when something was written."""
    known = read(clients, secret)
    wanted = {name: value for name, value in {**known, **values}.items() if name in names}
    if wanted == known:
        return False
    with asking("the deployment's secret cannot be written"):
        clients("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps(wanted, sort_keys=True))
    return True


def read_key(clients: Clients, document: Mapping[str, Any], secret: str) -> str:
    """The API key, from the deployment's secret or from the user's own; "" when there is none yet."""
    own = document["secrets"]["references"].get(KEY_NAME)
    if own:
        with asking(f"the key in {own} cannot be read"), missing_is_fine(_MISSING):
            return str(clients("secretsmanager").get_secret_value(SecretId=own)["SecretString"])
        return ""
    return read(clients, secret).get(KEY_NAME, "")


def _object(text: str, secret: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DeployError(
            f"{secret} is not a JSON object of names and values: somebody else wrote it",
            "delete the secret, and run mldeploy up again",
        )
    return {str(name): str(value) for name, value in found.items()}
