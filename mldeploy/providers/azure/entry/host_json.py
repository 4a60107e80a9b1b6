"""The text of host.json, which the Functions host reads from the app's folder. Pure.

Routes have no prefix, so that a path is the same on every cloud. The host gives up on a function some time after the runtime
has given up on the request itself, so that the runtime's own answer (504) is what a caller sees.
"""

from __future__ import annotations

import json
from math import ceil

_MARGIN_S = 10


def host_json(timeout_s: float) -> str:
    """host.json for requests that may take `timeout_s`."""
    seconds = ceil(timeout_s) + _MARGIN_S
    document = {
        "version": "2.0",
        "functionTimeout": f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        "extensionBundle": {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"},
        "extensions": {"http": {"routePrefix": ""}},
        "logging": {
            "logLevel": {"default": "Warning", "Function": "Information", "Host.Results": "Information"},
            "applicationInsights": {"samplingSettings": {"isEnabled": True, "excludedTypes": "Exception"}},
        },
    }
    return json.dumps(document, indent=2) + "\n"
