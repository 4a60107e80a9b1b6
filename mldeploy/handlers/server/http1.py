"""Bytes of one connection, in any split, made into exchanges: complete requests, or the reason for a refusal.

llhttp (inside httptools) does the parsing, strictly: it refuses Content-Length together with Transfer-Encoding, repeated or
malformed lengths, bare line feeds, folded headers and control characters. What it leaves to its user is done here: limits on
the target, the headers and the body; transfer codings other than chunked; protocol versions; Host; protocol upgrades (not
taken; with a body they cannot be framed safely and are refused). After a refusal nothing more is read from the connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter

import httptools

from mldeploy.handlers.message import Request
from mldeploy.handlers.server.target import TargetError, split_target

MAX_TARGET_BYTES = 8 * 1024
MAX_HEADER_BYTES = 32 * 1024
MAX_HEADER_COUNT = 128
# What may arrive of a header section beyond the read it began in. The parser reports a header only once it is complete, so
# this is what bounds one that never ends.
_MAX_PENDING_BYTES = 2 * (MAX_TARGET_BYTES + MAX_HEADER_BYTES)
# Bodies up to this size are read without asking whether there is room for them.
SMALL_BODY_BYTES = 64 * 1024

IDLE, HEAD, BODY = 0, 1, 2

_NO_ROOM = "the server holds as many request bodies as it has memory for"
_USUAL = (
    "Host",
    "User-Agent",
    "Accept",
    "Accept-Encoding",
    "Connection",
    "Content-Type",
    "Content-Length",
    "Authorization",
    "X-Request-Id",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "Traceparent",
)
_NAMES = {name.encode(): name.lower() for name in _USUAL} | {name.lower().encode(): name.lower() for name in _USUAL}


class Exchange:
    """One request on its way to an answer, or its refusal (`slug`, `detail`; then `request` is None).

    `connection` is the header of that name in the answer; `is_closing` means that this answer is the connection's last.
    """

    __slots__ = ("connection", "detail", "is_closing", "is_head", "request", "slug")

    def __init__(self, request: Request | None, connection: str, is_closing: bool, slug: str = "", detail: str = "") -> None:
        self.request = request
        self.connection = connection
        self.is_closing = is_closing
        self.is_head = request is not None and request.method == "HEAD"
        self.slug = slug
        self.detail = detail


class RefusedError(Exception):
    """Raised inside the parser's callbacks to stop reading; `slug` is the problem to answer with."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail


class RequestReader:
    """Feeds the parser. Complete exchanges are appended to `exchanges`; `phase` says what is being read.

    `wants_continue` is set while the sender of the request at hand waits for `100 Continue`. `is_stopped` is set after a
    refusal or a request that ends the connection: what follows is dropped. `body_bytes` counts the body at hand,
    `reserved_bytes` is what it may grow to (`has_room` is asked first, 0 for a small one), `since_s` (perf_counter) is when the
    phase began.
    """

    __slots__ = (
        "_began_here",
        "_body",
        "_body_limit",
        "_has_room",
        "_header_bytes",
        "_headers",
        "_parser",
        "_pending_bytes",
        "_raw_target",
        "_target",
        "_version",
        "body_bytes",
        "exchanges",
        "is_stopped",
        "phase",
        "reserved_bytes",
        "since_s",
        "wants_continue",
    )

    def __init__(self, body_limit: int, has_room: Callable[[int], bool]) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._body_limit = body_limit
        self._has_room = has_room
        self.exchanges: deque[Exchange] = deque()
        self.phase = IDLE
        self.since_s = perf_counter()
        self.body_bytes = 0
        self.reserved_bytes = 0
        self.wants_continue = False
        self.is_stopped = False
        self._began_here = False
        self._pending_bytes = 0
        self._raw_target = b""
        self._target = ("", "")
        self._version = ""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._body: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Parse `data`; never raises. Several requests may complete, the last exchange may be a refusal."""
        self._began_here = False
        while data and not self.is_stopped:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:  # not taken: the rest is HTTP/1.1 as before
                data = data[upgrade.args[0] :]
                continue
            except httptools.HttpParserError as error:
                cause = error.__context__
                if isinstance(cause, RefusedError):
                    self.refuse(cause.slug, cause.detail)
                elif isinstance(cause, MemoryError):
                    self.refuse("not-ready", _NO_ROOM)
                elif not self.is_stopped:  # when stopped, it is about bytes after the last request: dropped
                    self.refuse("bad-request", f"this is not HTTP/1.1: {error}")
                return
            if self.phase == HEAD and not self._began_here:
                self._pending_bytes += len(data)
                if self._pending_bytes > _MAX_PENDING_BYTES:
                    self.refuse("headers-too-large", f"the header section is limited to {MAX_HEADER_BYTES} bytes")
            return

    def refuse(self, slug: str, detail: str) -> None:
        """End the reading with a refusal as the last exchange."""
        self.is_stopped = True
        self.wants_continue = False
        self.phase = IDLE
        self.reserved_bytes = 0
        self._body = []
        self.exchanges.append(Exchange(None, "close", True, slug, detail))

    # What the parser calls, in this order.

    def on_message_begin(self) -> None:
        self.phase = HEAD
        self._began_here = True
        self._pending_bytes = 0
        self._raw_target = b""
        self._headers = {}
        self._header_bytes = 0
        self.body_bytes = 0
        self.since_s = perf_counter()

    def on_url(self, part: bytes) -> None:
        self._raw_target += part
        if len(self._raw_target) > MAX_TARGET_BYTES:
            raise RefusedError("uri-too-long", f"the request target is limited to {MAX_TARGET_BYTES} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.phase != HEAD:  # a trailer after a chunked body: allowed, never used
            return
        self._header_bytes += len(name) + len(value) + 4
        if self._header_bytes > MAX_HEADER_BYTES:
            raise RefusedError("headers-too-large", f"the header section is limited to {MAX_HEADER_BYTES} bytes")
        headers = self._headers
        key = _NAMES.get(name) or name.decode("latin-1").lower()
        if key not in headers:
            if len(headers) >= MAX_HEADER_COUNT:
                raise RefusedError("headers-too-large", f"a request is limited to {MAX_HEADER_COUNT} different headers")
            headers[key] = value.decode("latin-1")
        elif key == "host":
            raise RefusedError("bad-request", "the request has two Host headers")
        else:
            headers[key] += ", " + value.decode("latin-1")

    def on_headers_complete(self) -> None:
        parser, headers = self._parser, self._headers
        self._version = version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise RefusedError("bad-request", f"HTTP/{version} is not spoken here; HTTP/1.1 is")
        if version == "1.1" and "host" not in headers:
            raise RefusedError("bad-request", "an HTTP/1.1 request needs a Host header")
        length = headers.get("content-length", "0")
        coding = headers.get("transfer-encoding", "")
        if coding:
            self._check_coding(coding.lower())
        elif int(length) > self._body_limit:  # llhttp has made sure that it is one number
            raise RefusedError("body-too-large", f"the body has {length} bytes; the limit is {self._body_limit} bytes")
        else:
            self._reserve(int(length))
        has_body = bool(coding) or length.strip("0") != ""
        if parser.should_upgrade() and (has_body or parser.get_method() == b"CONNECT"):
            raise RefusedError("not-implemented", "this server takes neither CONNECT nor a protocol upgrade with a body")
        try:
            self._target = split_target(self._raw_target)
        except TargetError as error:
            raise RefusedError("bad-request", str(error)) from None
        self.phase = BODY
        self.since_s = perf_counter()
        self.wants_continue = has_body and version == "1.1" and headers.get("expect", "").lower() == "100-continue"

    def _check_coding(self, coding: str) -> None:
        if self._version == "1.0":
            raise RefusedError("bad-request", "HTTP/1.0 has no Transfer-Encoding")
        if coding != "chunked":
            raise RefusedError("not-implemented", f"the transfer coding {coding!r} is not supported; 'chunked' is")

    def _reserve(self, size: int) -> None:
        if size > SMALL_BODY_BYTES:
            if not self._has_room(size):
                raise RefusedError("not-ready", _NO_ROOM)
            self.reserved_bytes = size

    def on_body(self, part: bytes) -> None:
        self.wants_continue = False
        self.body_bytes += len(part)
        if self.body_bytes > SMALL_BODY_BYTES and not self.reserved_bytes:
            self._reserve(self._body_limit)  # chunked: nobody knows how much will come
        if self.body_bytes > self._body_limit:
            raise RefusedError("body-too-large", f"the body is over the limit of {self._body_limit} bytes")
        self._body.append(part)

    def on_message_complete(self) -> None:
        parser, headers, body = self._parser, self._headers, self._body
        self.phase = IDLE
        self.reserved_bytes = 0
        self.wants_continue = False
        self._body = []
        is_closing = not parser.should_keep_alive()
        connection = "close" if is_closing else "keep-alive" if self._version == "1.0" else ""
        path, query = self._target
        request = Request(
            parser.get_method().decode(),
            path,
            query,
            headers,
            body[0] if len(body) == 1 else b"".join(body),
            headers.get("x-request-id", ""),
            perf_counter(),
        )
        self.exchanges.append(Exchange(request, connection, is_closing))
        self.is_stopped = is_closing
