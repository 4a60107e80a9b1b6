"""The request target of an HTTP request line, made into a path and a query.

Accepted: origin form (`/predict?x=1`) and absolute form (`http://host/predict`, what a proxy sends; the host is ignored).
The path is percent-decoded once. What two programs could read differently is refused rather than guessed: a malformed
escape, an escaped slash, control characters (NUL too), bytes that are not UTF-8, a fragment, and `.` or `..` segments.
Repeated slashes are kept, so that `//predict` is simply another path.
"""

from __future__ import annotations

from binascii import unhexlify


class TargetError(ValueError):
    """The target is refused; the message says why and is safe to show to the caller."""


def split_target(target: bytes) -> tuple[str, str]:
    """`target` (from the request line, visible ASCII) as (decoded path, raw query)."""
    if not target.startswith(b"/"):
        target = _strip_authority(target)
    path, _, query = target.partition(b"?")
    if b"#" in target:
        raise TargetError("the request target has a fragment ('#'); clients must not send it")
    if b"%" in path:
        path = _percent_decode(path)
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        raise TargetError("the path is not UTF-8 after percent-decoding") from None
    if "/." in text and any(segment in (".", "..") for segment in text.split("/")):
        raise TargetError("the path has '.' or '..' segments; send it resolved")
    return text, query.decode("latin-1")


def _strip_authority(target: bytes) -> bytes:
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        raise TargetError("the request target must be a path that starts with '/', or an http URL")
    ends = [at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0]
    tail = rest[min(ends) :] if ends else b""
    return tail if tail.startswith(b"/") else b"/" + tail


def _percent_decode(path: bytes) -> bytes:
    first, *escaped = path.split(b"%")
    decoded = [first]
    for part in escaped:
        try:
            byte = unhexlify(part[:2])
        except ValueError:
            byte = b""
        if not byte:
            raise TargetError("the path has a malformed percent-escape")
        if byte == b"/":
            raise TargetError("the path has an escaped slash (%2F)")
        if byte < b" " or byte == b"\x7f":
            raise TargetError("the path has an escaped control character")
        decoded += (byte, part[2:])
    return b"".join(decoded)
