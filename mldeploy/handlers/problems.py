"""RFC 9457 problem documents: every error that leaves the runtime, each with a stable `type`.

`PROBLEMS` is the whole list: slug -> (status, title). The `type` member is `urn:mldeploy:problem:<slug>`. `field` says which
part of the request is meant ("inputs.x[3]", "header content-type"), `expected` what would have been right.
"""

from __future__ import annotations

from mldeploy.handlers.message import Response

TYPE_PREFIX = "urn:mldeploy:problem:"

PROBLEMS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request cannot be read"),
    "invalid-json": (400, "The body is not valid JSON"),
    "unauthorized": (401, "A valid key is needed"),
    "not-found": (404, "No such path or model"),
    "method-not-allowed": (405, "The path does not take this method"),
    "request-timeout": (408, "The request took too long to arrive"),
    "body-too-large": (413, "The body is over the limit"),
    "uri-too-long": (414, "The request target is over the limit"),
    "unsupported-media-type": (415, "The content type is not supported"),
    "invalid-input": (422, "The input does not fit the model"),
    "invalid-image": (422, "The image cannot be used"),
    "too-many-requests": (429, "The queue is full"),
    "headers-too-large": (431, "The header section is over the limit"),
    "internal": (500, "The runtime failed"),
    "model-failed": (500, "The model failed on this input"),
    "not-implemented": (501, "Not supported by this server"),
    "not-ready": (503, "The model is not ready"),
    "timeout": (504, "The prediction took too long"),
}


class Problem(Exception):
    """Raised anywhere below the core to answer with a problem document."""

    def __init__(
        self, slug: str, detail: str, *, field: str = "", expected: str = "", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(detail)
        self.slug = slug
        self.status, self.title = PROBLEMS[slug]
        self.detail = detail
        self.field = field
        self.expected = expected
        self.headers = headers


def to_response(problem: Problem, request_id: str, has_error: bool = False) -> Response:
    """The problem as `application/problem+json`; `instance` is the request id, `field`/`expected` are left out when empty.

    `has_error` adds the member `error`, where clients of the Open Inference Protocol look for the text.
    """
    import orjson

    doc: dict[str, object] = {
        "type": TYPE_PREFIX + problem.slug,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.field:
        doc["field"] = problem.field
    if problem.expected:
        doc["expected"] = problem.expected
    if request_id:
        doc["instance"] = f"urn:mldeploy:request:{request_id}"
    if has_error:
        is_said = problem.expected in problem.detail
        doc["error"] = problem.detail if is_said else f"{problem.detail}; expected {problem.expected}"
    headers = (("content-type", "application/problem+json"), ("cache-control", "no-store"), *problem.headers)
    return Response(problem.status, headers, orjson.dumps(doc))
