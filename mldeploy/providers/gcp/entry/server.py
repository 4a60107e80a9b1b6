"""`python3 -P -m mldeploy.providers.gcp.entry.server`: serve the bundle on $PORT, as Cloud Run wants of a container.

    PORT              listen on this port; 0 takes a free one            default 8080
    HOST              and address                                        default 0.0.0.0, every address of the container
    MLDEPLOY_BUNDLE   the bundle folder                                  default /opt/mldeploy/bundle

The rest of the environment is the runtime's (handlers/config.py) and the object trigger's (events.py). Exit codes are those of
`python -m mldeploy.handlers`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mldeploy.handlers import __main__ as serving

if TYPE_CHECKING:
    from mldeploy.handlers.config import ServingConfig
    from mldeploy.handlers.core import Runtime

_DEFAULT_BUNDLE = "/opt/mldeploy/bundle"
_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  the platform reaches a container by its own address only
_MAX_PORT = 65535


def make(bundle: str, config: ServingConfig) -> Runtime:
    """The runtime as this platform wants it; imported late, on the loading thread."""
    from mldeploy.providers.gcp.entry.runtime import CloudRuntime

    return CloudRuntime(bundle, config, os.environ)


def main(environ: Mapping[str, str]) -> int:
    """Serve until drained; the exit code."""
    port = environ.get("PORT", "") or "8080"
    if not (port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
        return serving.fail(f"PORT={port!r} is not a port number; Cloud Run sets it, and a container must not override it")
    bundle = environ.get("MLDEPLOY_BUNDLE", "") or _DEFAULT_BUNDLE
    return serving.main([bundle, "--host", environ.get("HOST", "") or _EVERY_ADDRESS, "--port", port], make)


if __name__ == "__main__":
    try:
        code = main(os.environ)
    except KeyboardInterrupt:  # before the event loop has taken over the signals
        code = 130
    sys.exit(code)
