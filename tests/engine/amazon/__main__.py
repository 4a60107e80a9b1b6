"""`python -m amazon '{"port": …, "door": …, "registry": "127.0.0.1:5000", "emulator": "…", "owner": "…", …}'`: moto, served."""

from __future__ import annotations

import json
import signal
import ssl
import sys
from typing import Any

from moto.ecr.models import Repository
from moto.server import main as serve_moto
from standin.web import serve

from amazon.functions import Sandboxes, patch
from amazon.urls import FunctionUrls

DOMAIN = "standin.test"


def push_to(registry: str) -> None:
    """moto has no registry behind its ECR: the address of a repository becomes the real one's."""
    made = Repository.__init__

    def init(self: Repository, *arguments: Any, **named: Any) -> None:
        made(self, *arguments, **named)
        self.uri = f"{registry}/{self.name}"

    Repository.__init__ = init  # type: ignore[method-assign]


def main(arguments: dict[str, Any]) -> None:
    """Serve until SIGTERM, and leave no container behind."""
    push_to(arguments["registry"])
    surroundings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{arguments['port']}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    sandboxes = Sandboxes(arguments["emulator"], arguments["owner"], surroundings)
    if arguments["emulator"]:
        patch(sandboxes)
    urls = FunctionUrls(arguments["door"], DOMAIN)
    urls.patch()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(arguments["certificate"], arguments["key"])
    serve(urls, arguments["door"], tls)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        serve_moto(["-H", "127.0.0.1", "-p", str(arguments["port"])])
    finally:
        sandboxes.remove_all()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
