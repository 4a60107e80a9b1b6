"""Requests that a platform has parsed as HTTP and hands over as values: checked as on our own server, then answered.

    method, path as sent, query, headers, body ─▶ target · headers · size ─▶ Request ─▶ Runtime.handle ─▶ Response

Our own server refuses on the wire what cannot be read or is over a limit (server/http1.py). Behind somebody else's gateway the
same refusals are made here, in the same words, so that a caller cannot tell the one from the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mldeploy.handlers.message import Request, Response

if TYPE_CHECKING:
    from mldeploy.handlers.core import Runtime

# As server/http1.py has them; a test compares the two (importing the parser only for its limits would cost a cold start).
MAX_TARGET_BYTES = 8 * 1024
MAX_HEADER_BYTES = 32 * 1024
MAX_HEADER_COUNT = 128


def answer(
    runtime: Runtime,
    method: str,
    path: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
    request_id: str = "",
    received_s: float = 0.0,
) -> Response:
    """Answer. Never raises.

    `path` is the path as it was sent, percent-escapes and all, without the query. `headers` has lower-case names, repeated
    headers joined with ", ". `request_id` is the platform's and is used where the caller sent none. A HEAD answer has no body.
    """
    request_id = headers.get("x-request-id", "") or request_id
    refusal = _refusal(runtime.config.max_body_bytes, path, query, headers, body)
    if refusal is not None:
        response = runtime.reject(*refusal, request_id, received_s=received_s, bytes_in=len(body))
    else:
        try:
            path = _decoded(path)
        except ValueError as error:  # a TargetError
            response = runtime.reject("bad-request", str(error), request_id, received_s=received_s, bytes_in=len(body))
        else:
            response = runtime.handle(Request(method, path, query, headers, body, request_id, received_s))
    return response._replace(body=b"") if method == "HEAD" else response


def _refusal(limit: int, path: str, query: str, headers: dict[str, str], body: bytes) -> tuple[str, str] | None:
    """Slug and detail of what is over a limit."""
    if len(path) + len(query) >= MAX_TARGET_BYTES:
        return "uri-too-long", f"the request target is limited to {MAX_TARGET_BYTES} bytes"
    if sum(map(len, headers)) + sum(map(len, headers.values())) + 4 * len(headers) > MAX_HEADER_BYTES:
        return "headers-too-large", f"the header section is limited to {MAX_HEADER_BYTES} bytes"
    if len(headers) > MAX_HEADER_COUNT:
        return "headers-too-large", f"a request is limited to {MAX_HEADER_COUNT} different headers"
    if len(body) > limit:
        return "body-too-large", f"the body has {len(body)} bytes; the limit is {limit} bytes"
    return None


def _decoded(path: str) -> str:
    """The path without percent-escapes. Raises TargetError."""
    if path.isascii() and path.startswith("/") and "%" not in path and "/." not in path and "?" not in path and "#" not in path:
        return path
    from mldeploy.handlers.server.target import split_target

    # Some gateways decode before they hand over: what would end a path on the wire belongs to it here.
    raw = path.encode("utf-8", "surrogateescape").replace(b"?", b"%3F").replace(b"#", b"%23")
    return split_target(raw)[0]
