"""Debian's registry server on 127.0.0.1, in place of the clouds' registries."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from engine_lab import found
from engine_lab.processes import free_port, serving

CONFIG = """\
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Its host:port."""
    binary, port = found.docker_registry(), free_port()
    config = folder / "registry.yml"
    config.write_text(CONFIG.format(root=folder / "registry", port=port))
    with serving([str(binary), "serve", str(config)], port, folder / "registry.log"):
        yield f"127.0.0.1:{port}"


def repositories(registry: str) -> list[str]:
    """What has been pushed."""
    with urllib.request.urlopen(f"http://{registry}/v2/_catalog", timeout=10) as response:
        return list(json.load(response)["repositories"])
