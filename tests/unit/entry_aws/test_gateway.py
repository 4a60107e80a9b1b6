"""Refusals for requests that a platform has parsed: those of our own server, in its words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mldeploy.handlers import gateway
from mldeploy.handlers.message import Response
from mldeploy.handlers.server import http1, target
from mldeploy.providers.aws.entry.deadline import TimedRuntime


@pytest.fixture
def plain(runtime: Callable[..., TimedRuntime]) -> TimedRuntime:
    return runtime("plain", max_body_bytes=100)


def ask(plain: TimedRuntime, path: str = "/v2", method: str = "GET", body: bytes = b"", **rest: Any) -> Response:
    return gateway.answer(plain, method, path, rest.get("query", ""), rest.get("headers", {}), body, rest.get("id", ""))


def test_limits_are_the_servers() -> None:
    assert gateway.MAX_TARGET_BYTES == http1.MAX_TARGET_BYTES
    assert gateway.MAX_HEADER_BYTES == http1.MAX_HEADER_BYTES
    assert gateway.MAX_HEADER_COUNT == http1.MAX_HEADER_COUNT


def refusal_on_the_wire(text: bytes) -> tuple[str, str]:
    reader = http1.RequestReader(100, lambda _: True)
    reader.feed(text)
    (exchange,) = reader.exchanges
    return exchange.slug, exchange.detail


@pytest.mark.parametrize(
    ("request_line", "fields", "body"),
    [
        ("POST /predict", {}, b"x" * 101),
        ("GET /" + "a" * 9000, {}, b""),
        ("GET /", {"x-note": "n" * 33000}, b""),
        ("GET /", {f"x-{number}": "n" for number in range(200)}, b""),
        ("GET /%zz", {}, b""),
        ("GET /a/../b", {}, b""),
        ("GET /%2F", {}, b""),
        ("GET /%ff", {}, b""),
    ],
)
def test_said_as_the_server_says_it(plain: TimedRuntime, request_line: str, fields: dict[str, str], body: bytes) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    wire = f"{request_line} HTTP/1.1\r\nhost: h\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode()
    slug, detail = refusal_on_the_wire(wire + body)
    method, path = request_line.split(" ")
    document = json.loads(ask(plain, path, method, body, headers=fields).body)
    assert (document["type"].rpartition(":")[2], document["detail"]) == (slug, detail)
    assert document["error"] == detail  # a client of /v2 looks there


def test_a_head_answer_has_no_body(plain: TimedRuntime) -> None:
    assert ask(plain, method="HEAD").body == b""
    assert ask(plain, "/nothing", "HEAD")[0::2] == (404, b"")


def test_ids(plain: TimedRuntime) -> None:
    assert dict(ask(plain, id="platform").headers)["x-request-id"] == "platform"
    assert dict(ask(plain, id="platform", headers={"x-request-id": "caller"}).headers)["x-request-id"] == "caller"
    assert dict(ask(plain, "/%zz", id="platform").headers)["x-request-id"] == "platform"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_characters="%"), max_size=30))
def test_a_path_that_was_decoded_already_is_the_same_path(text: str) -> None:
    """Some gateways decode; what they hand over then stands for itself."""
    path = f"/{text}"
    try:
        assert gateway._decoded(path) == path
    except target.TargetError:
        assert any(segment in (".", "..") for segment in path.split("/"))
