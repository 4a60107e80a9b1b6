"""`python3 -m mldeploy.providers.azure.entry.probe`: ask the entry point inside its image (protocol: handlers/probe.py).

The function is called with the requests that the worker would hand it, and its answers are read as the worker reads them; the
Functions host is not part of it. The worker finds an app's packages by itself, so the probe looks in the same place.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from types import SimpleNamespace

from mldeploy.handlers import probe
from mldeploy.handlers.message import Request, Response

PACKAGES = Path(".python_packages/lib/site-packages")


def add_packages() -> None:
    """Put the app's packages on sys.path, as the worker does."""
    told = os.environ.get("AzureWebJobsScriptRoot", "")  # noqa: SIM112  the platform spells it so
    root = Path(told or Path.cwd())
    if (root / PACKAGES).is_dir():
        sys.path.insert(0, str(root / PACKAGES))


def main() -> int:
    answers = probe.take_stdout()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    add_packages()
    import azure.functions as func

    from mldeploy.providers.azure.entry.app import app

    (http,) = [one.get_user_function() for one in app.get_functions() if one.get_function_name() == "http"]
    loop = asyncio.new_event_loop()

    def ask(request: Request) -> Response:
        url = f"http://localhost{request.path}" + (f"?{request.query}" if request.query else "")
        asked = func.HttpRequest(request.method, url, headers=request.headers, params={}, route_params={}, body=request.body)
        response = loop.run_until_complete(http(asked, SimpleNamespace(invocation_id="")))
        headers = tuple((name.lower(), value) for name, value in response.headers.items())
        return Response(response.status_code, headers, response.get_body())

    probe.serve(ask, answers)
    loop.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
