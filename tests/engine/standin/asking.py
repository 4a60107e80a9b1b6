"""How a plugin or a test asks the control plane. STANDIN_URL says where it is."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import Any

from plugin.serving import RefusedError

ENVIRONMENT_NAME = "MLDEPLOY_TEST_CONTROL_PLANE"


def ask(verb: str, url: str = "", **document: Any) -> dict[str, Any]:
    """POST /standin/<verb>. Raises RefusedError with the cloud's words."""
    request = urllib.request.Request(
        f"{url or os.environ[ENVIRONMENT_NAME]}/standin/{verb}",
        json.dumps(document).encode(),
        {"content-type": "application/json"},
    )
    # No proxy of the machine lies between two processes of one test.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=300) as response:
            return dict(json.loads(response.read()))
    except urllib.error.HTTPError as error:
        raise RefusedError(error.read().decode()) from error
