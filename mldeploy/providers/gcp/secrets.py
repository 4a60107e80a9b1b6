"""Values of the deployment's own secrets, straight to and from Secret Manager. They pass through nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from mldeploy.errors import DeployError
from mldeploy.providers.gcp.client import Client


def read(client: Client, project: str, secret_id: str, version: str = "latest") -> str | None:
    """The value of a version; None when there is no secret or it has none yet."""
    found = client.find("secretmanager", f"v1/projects/{project}/secrets/{secret_id}/versions/{version}:access")
    return None if found is None else base64.b64decode(found["payload"]["data"]).decode()


def store(client: Client, project: str, ids: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Add a version wherever the value differs; a value that is there already makes none."""
    unknown = [name for name in values if name not in ids]
    if unknown:
        raise DeployError(f"there is no secret for {', '.join(unknown)}", "this is a bug; rerun with --debug")
    for name, value in values.items():
        if read(client, project, ids[name]) == value:
            continue
        payload = {"payload": {"data": base64.b64encode(value.encode()).decode()}}
        client.call("POST", "secretmanager", f"v1/projects/{project}/secrets/{ids[name]}:addVersion", payload)
