"""What a body is: its media type, charset and content coding. Anything else than UTF-8, gzip or identity is refused (415)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from mldeploy.handlers.problems import Problem

_UTF8 = ("utf-8", "utf8", "us-ascii")


class MediaType(NamedTuple):
    """`text/csv; header=present` as ("text/csv", {"header": "present"}), in lower case but for the parameters' values."""

    name: str
    parameters: dict[str, str]


@lru_cache(maxsize=64)
def parse(header: str) -> MediaType:
    """Split a content-type header; the result is shared and only to be read. An absent header gives the name ""."""
    if ";" not in header:
        return MediaType(header.strip().lower(), {})
    name, _, rest = header.partition(";")
    return MediaType(name.strip().lower(), parameters(rest))


def parameters(text: str) -> dict[str, str]:
    """`a=1; b="x; y"` as a dict, names in lower case. Malformed parts are left out; the first of two equal names counts."""
    found: dict[str, str] = {}
    while text:
        name, equals, text = text.lstrip("; \t").partition("=")
        if not equals:
            break
        if text.startswith('"'):
            value, text = _quoted(text)
        else:
            value, _, text = text.partition(";")
        found.setdefault(name.strip().lower(), value.strip())
    return found


def _quoted(text: str) -> tuple[str, str]:
    """The value of a quoted string that `text` starts with, and what follows it."""
    value, position = [], 1
    while position < len(text) and text[position] != '"':
        if text[position] == "\\" and position + 1 < len(text):
            position += 1
        value.append(text[position])
        position += 1
    return "".join(value), text[position + 1 :].partition(";")[2]


def check_charset(media: MediaType) -> None:
    """Raise Problem unless the text is UTF-8 (or ASCII, which is the same bytes)."""
    charset = media.parameters.get("charset", "utf-8").lower()
    if charset not in _UTF8:
        raise Problem(
            "unsupported-media-type",
            f"charset {charset[:40]!r} is not supported",
            field="header content-type",
            expected="charset=utf-8",
        )


def decoded(body: bytes, coding: str, limit: int) -> bytes:
    """The body without its content-encoding, never more than `limit` bytes. Raises Problem."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip"):
        raise Problem(
            "unsupported-media-type",
            f"content-encoding {coding[:40]!r} is not supported",
            field="header content-encoding",
            expected="gzip or identity",
            headers=(("accept-encoding", "gzip, identity"),),
        )
    import zlib

    plain = bytearray()
    try:
        while body:
            member = zlib.decompressobj(wbits=31)
            plain += member.decompress(body, limit + 1 - len(plain))
            if len(plain) > limit:
                raise Problem(
                    "body-too-large",
                    f"the decompressed body is over {limit} bytes",
                    field="body",
                    expected=f"at most {limit} bytes",
                )
            if not member.eof:
                raise zlib.error("the data ends early")
            body = member.unused_data
    except zlib.error as error:
        raise Problem("bad-request", f"the body is not valid gzip: {error}", field="body", expected="a gzip stream") from None
    return bytes(plain)
