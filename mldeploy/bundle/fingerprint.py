"""Fingerprint: what goes into a bundle, as one hash that is the same on every machine.

It covers inputs only (bytes of the files, the spec's model section, the versions of the tools that shape the output), never
what a machine adds: paths, times, modes, processor, Python version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACK_FORMAT = 1  # raise it whenever the same inputs give another bundle


def canonical(document: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys, no spaces and ASCII only. Raises ValueError on NaN and infinity, which JSON lacks."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def of(document: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical form, 64 hex digits."""
    return hashlib.sha256(canonical(document)).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
