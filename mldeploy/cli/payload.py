"""What `invoke` and `bench` send: JSON text, `@file`, `@-`, an image or a CSV file, as a body with its content type.

The type comes from the first bytes where they tell (images), else from the suffix, else it is JSON.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from mldeploy.cli.exits import UsageError

JSON, CSV = "application/json", "text/csv"
_SUFFIXES = {
    ".json": JSON,
    ".csv": CSV,
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
_FORMS = "JSON text, @file (JSON, CSV, JPEG, PNG, WebP) or @- for stdin"


@dataclass(frozen=True)
class Payload:
    """A request body. `origin` is what messages call it."""

    body: bytes
    content_type: str
    origin: str


def content_type_of(path: Path) -> str:
    """By the file's suffix; JSON when that tells nothing."""
    return _SUFFIXES.get(path.suffix.lower(), JSON)


def _image_type(body: bytes) -> str:
    if body.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if body[:4] == b"RIFF" and body[8:12] == b"WEBP" else ""


def read(text: str) -> Payload:
    """The payload that the argument `text` means. Raises UsageError, naming what could be given instead."""
    if text == "@-":
        return _typed(sys.stdin.buffer.read(), "", "stdin")
    if text.startswith("@"):
        return read_file(Path(text[1:]))
    try:
        value = json.loads(text)
    except ValueError as error:
        path = Path(text)
        if _is_file(path):
            return read_file(path)
        looks_like_json = text.lstrip()[:1] in ("{", "[", '"')
        what = f"not valid JSON: {error}" if looks_like_json else f"'{text}' is neither JSON nor a file"
        raise UsageError(what, f"give {_FORMS}") from error
    return Payload(_wrapped(value), JSON, "the argument")


def read_file(path: Path) -> Payload:
    """The payload in `path`."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", f"give {_FORMS}") from error
    return _typed(body, content_type_of(path) if path.suffix.lower() in _SUFFIXES else "", str(path))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _typed(body: bytes, by_suffix: str, origin: str) -> Payload:
    if not body:
        raise UsageError(f"{origin} is empty", f"give {_FORMS}")
    kind = _image_type(body) or by_suffix or (JSON if body.lstrip()[:1] in (b"{", b"[", b'"') else CSV)
    if kind != JSON:
        return Payload(body, kind, origin)
    try:
        value = json.loads(body)
    except ValueError as error:
        raise UsageError(f"{origin} is not valid JSON: {error}", "mend it, or name it after what it is (.csv, .jpg)") from error
    is_complete = isinstance(value, dict) and "inputs" in value
    return Payload(body if is_complete else _wrapped(value), JSON, origin)


def _wrapped(value: object) -> bytes:
    """`{"inputs": value}`, unless it says so already."""
    is_complete = isinstance(value, dict) and "inputs" in value
    return json.dumps(value if is_complete else {"inputs": value}, ensure_ascii=False).encode()
