"""A Response as the bytes of one write: status line, headers, body.

The server adds what belongs to the connection and not to the answer: date, content-length, connection. It never names itself.
"""

from __future__ import annotations

import time

from mldeploy.handlers.message import Response

# The reason phrase means nothing to a program (RFC 9112, 4); it is for the person reading a trace.
_REASONS = {
    200: "OK",
    204: "No Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_STATUS_LINES = {status: f"HTTP/1.1 {status} {reason}\r\n" for status, reason in _REASONS.items()}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def http_date(seconds: int) -> str:
    """`seconds` since the epoch as an IMF-fixdate (RFC 9110, 5.6.7), whatever the locale."""
    year, month, day, hour, minute, second, weekday, _, _ = time.gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year} {hour:02}:{minute:02}:{second:02} GMT"


class ResponseWriter:
    """Renders responses; keeps the date line, which changes once a second."""

    __slots__ = ("_date_line", "_date_s")

    def __init__(self) -> None:
        self._date_s = -1
        self._date_line = ""

    def render(self, response: Response, *, connection: str = "", is_head: bool = False) -> bytes:
        """The whole answer. `connection` is that header's value, empty to leave it out; a HEAD answer has no body."""
        now = int(time.time())
        if now != self._date_s:
            self._date_s, self._date_line = now, f"date: {http_date(now)}\r\n"
        status, headers, body = response
        line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers])
        last = f"connection: {connection}\r\n\r\n" if connection else "\r\n"
        length = "" if status == 204 else f"content-length: {len(body)}\r\n"
        head = f"{line}{fields}{self._date_line}{length}{last}".encode("latin-1", "replace")
        return head if is_head else head + body
