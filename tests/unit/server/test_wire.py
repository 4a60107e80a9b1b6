from __future__ import annotations

from email.utils import formatdate

import pytest

from mldeploy.handlers.message import Response
from mldeploy.handlers.problems import PROBLEMS
from mldeploy.handlers.server import wire
from mldeploy.handlers.server.wire import ResponseWriter, http_date


def test_an_answer_is_status_headers_date_length_and_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire.time, "time", lambda: 784111777.9)
    writer = ResponseWriter()
    response = Response(200, (("content-type", "text/plain"),), b"hello")
    assert writer.render(response) == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 5\r\n\r\nhello"
    )
    assert writer.render(response, connection="close", is_head=True).endswith(b"content-length: 5\r\nconnection: close\r\n\r\n")


@pytest.mark.parametrize("seconds", [0, 951782400, 1700000000, 1709251199, 4102444799])
def test_the_date_is_that_of_the_standard_library(seconds: int) -> None:
    assert http_date(seconds) == formatdate(seconds, usegmt=True)


def test_the_date_moves_on(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = ResponseWriter()
    dates = []
    for now in (100.0, 100.9, 101.0):
        monkeypatch.setattr(wire.time, "time", lambda now=now: now)
        dates.append(writer.render(Response(200, (), b"")).split(b"\r\n")[1])
    assert dates[0] == dates[1] != dates[2]


def test_every_problem_has_a_reason_phrase_and_an_unknown_status_has_none() -> None:
    writer = ResponseWriter()
    for status, _ in PROBLEMS.values():
        line = writer.render(Response(status, (), b"")).split(b"\r\n")[0]
        assert len(line) > len(b"HTTP/1.1 400 ")
    assert writer.render(Response(299, (), b"")).startswith(b"HTTP/1.1 299 \r\n")


def test_a_header_beyond_latin_1_does_not_break_the_answer() -> None:
    assert b"x: a?b\r\n" in ResponseWriter().render(Response(200, (("x", "a€b"),), b""))


def test_no_content_has_no_length() -> None:
    assert b"content-length" not in ResponseWriter().render(Response(204, (), b""))
