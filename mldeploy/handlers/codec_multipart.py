"""multipart/form-data → the files in it. A small strict parser of RFC 7578, for a body that is in memory and of bounded size.

A part is a file when it has a filename, or when its name is `file`. Anything else is refused, and so is whatever leaves
doubt: a missing last boundary, text before the first one, more than MAX_PARTS parts, part headers over MAX_HEADER_BYTES, a
transfer encoding.

The well-kept libraries for this (`multipart`, `python-multipart`) stream large uploads to disk; here the server has already
bounded the body, and what is left of the job is less code than their set-up, without a dependency in every image.
"""

from __future__ import annotations

from typing import NoReturn

from mldeploy.handlers import media
from mldeploy.handlers.problems import Problem

MAX_PARTS = 64
MAX_HEADER_BYTES = 4096
MAX_BOUNDARY_LENGTH = 70


def files(body: bytes, boundary: str) -> list[tuple[str, bytes]]:
    """(field, content) of each file, in order; `field` is "file", or "file[1]" where there are several. Raises Problem."""
    found = [_file(part, f"part {index}") for index, part in enumerate(_parts(body, boundary), 1)]
    if len(found) == 1:
        return found
    return [(f"{name}[{index}]", data) for index, (name, data) in enumerate(found)]


def _parts(body: bytes, boundary: str) -> list[bytes]:
    """What stands between the boundaries: headers, an empty line, content."""
    if not 1 <= len(boundary) <= MAX_BOUNDARY_LENGTH or not boundary.isascii():
        raise Problem(
            "bad-request",
            "the content type has no usable boundary",
            field="header content-type",
            expected="multipart/form-data; boundary=…",
        )
    delimiter = b"--" + boundary.encode()
    if not body.startswith(delimiter):
        _refuse("the body does not start with the boundary", "body")
    parts: list[bytes] = []
    position = len(delimiter)
    while not body.startswith(b"--", position):
        if not body.startswith(b"\r\n", position):
            _refuse("a boundary is not at the end of its line", f"part {len(parts) + 1}")
        end = body.find(b"\r\n" + delimiter, position)
        if end < 0:
            _refuse("the last boundary is missing: the upload is incomplete", f"part {len(parts) + 1}")
        parts.append(body[position:end])
        if len(parts) > MAX_PARTS:
            raise Problem(
                "invalid-input",
                f"the upload has more than {MAX_PARTS} parts",
                field="body",
                expected=f"at most {MAX_PARTS} parts",
            )
        position = end + 2 + len(delimiter)
    return parts


def _file(part: bytes, where: str) -> tuple[str, bytes]:
    """Name and content of one part, which has to be a file."""
    head, blank, content = part.partition(b"\r\n\r\n")
    if not blank or len(head) > MAX_HEADER_BYTES:
        _refuse(f"{where} has no headers, or more than {MAX_HEADER_BYTES} bytes of them", where)
    headers = _headers(head, where)
    kind, _, rest = headers.get("content-disposition", "").partition(";")
    disposition = media.parameters(rest)
    name = disposition.get("name", "")
    if kind.strip().lower() != "form-data" or not name:
        _refuse(f"{where} has no content-disposition: form-data with a name", where)
    if headers.get("content-transfer-encoding", "binary").lower() not in ("binary", "8bit", "7bit"):
        _refuse(f"{where} has a content-transfer-encoding", where)
    if "filename" not in disposition and "filename*" not in disposition and name != "file":
        raise Problem("invalid-input", f"{where} ({name[:40]!r}) is not a file", field=where, expected="file parts only")
    return "file", content


def _headers(head: bytes, where: str) -> dict[str, str]:
    try:
        lines = head.decode().split("\r\n")
    except UnicodeDecodeError:
        _refuse(f"{where} has headers that are not UTF-8", where)
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _refuse(detail: str, field: str) -> NoReturn:
    raise Problem("bad-request", detail, field=field, expected="multipart/form-data as in RFC 7578")
