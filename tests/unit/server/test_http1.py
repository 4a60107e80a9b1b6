"""The reader against what llhttp accepts and what it must never let through."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.handlers.server import http1
from mldeploy.handlers.server.http1 import Exchange, RequestReader

HEAD = b"POST /predict HTTP/1.1\r\nHost: h\r\n"
GET = b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n"


def roomy(_size: int) -> bool:
    return True


def read(*parts: bytes, limit: int = 100) -> list[Exchange]:
    reader = RequestReader(limit, roomy)
    for part in parts:
        reader.feed(part)
    return list(reader.exchanges)


def summary(exchange: Exchange) -> tuple[object, ...]:
    request = exchange.request
    return (*(request[:5] if request else ()), exchange.connection, exchange.is_closing, exchange.slug, exchange.detail)


def test_a_request_has_its_parts() -> None:
    headers = b"Host: h\r\nX-Request-ID: 7\r\nAccept: a\r\naccept: b\r\nContent-Length: 3\r\n"
    (exchange,) = read(b"PUT /a%20b?c=d HTTP/1.1\r\n" + headers + b"\r\nxyz")
    request = exchange.request
    assert request is not None
    assert request[:4] == ("PUT", "/a b", "c=d", {"host": "h", "x-request-id": "7", "accept": "a, b", "content-length": "3"})
    assert (request.body, request.id) == (b"xyz", "7")
    assert request.received_s > 0
    assert (exchange.connection, exchange.is_closing, exchange.is_head) == ("", False, False)


def test_a_chunked_body_is_put_together_and_its_trailers_are_dropped() -> None:
    chunks = b"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\nHost: other\r\n\r\n"
    first, second = read(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + GET)
    assert first.request is not None
    assert second.request is not None
    assert first.request.body == b"abcde"
    assert "x-trailer" not in first.request.headers | second.request.headers
    assert second.request.headers == {"host": "h"}


@pytest.mark.parametrize(
    ("head", "connection", "is_closing"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "", False),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "close", True),
        (b"GET / HTTP/1.0\r\n\r\n", "close", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", False),
        (b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "", False),
    ],
)
def test_keep_alive_follows_version_and_header(head: bytes, connection: str, is_closing: bool) -> None:
    (exchange,) = read(head)
    assert (exchange.connection, exchange.is_closing) == (connection, is_closing)
    assert exchange.is_head == head.startswith(b"HEAD")


def test_what_follows_the_last_request_is_dropped() -> None:
    (exchange,) = read(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + GET, GET)
    assert exchange.is_closing


SMUGGLING = {
    "length and coding": HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two different lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "a list of lengths": HEAD + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": HEAD + b"Content-Length: +3\r\n\r\nabc",
    "a hexadecimal length": HEAD + b"Content-Length: 0x3\r\n\r\nabc",
    "an empty length": HEAD + b"Content-Length:\r\n\r\n",
    "a length beyond 64 bits": HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    "a space before the colon": HEAD + b"Content-Length : 3\r\n\r\nabc",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk size that is not hexadecimal": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a chunk size with a prefix": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n",
    "a negative chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n",
    "a chunk size beyond 64 bits": HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    "a chunk longer than its size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "bare line feeds in chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: h\n\n",
    "a bare carriage return": b"GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n",
    "a header that begins with a space": b"GET / HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n",
    "a control character in the target": b"GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
    "raw UTF-8 in the target": "GET /é HTTP/1.1\r\nHost: h\r\n\r\n".encode(),
    "a space in the target": b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
    "HTTP/2": b"GET / HTTP/2.0\r\nHost: h\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: h\r\n\r\n",
    "an unknown method": b"BREW / HTTP/1.1\r\nHost: h\r\n\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\nHost: h\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("data", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_what_two_programs_could_read_differently_ends_the_connection(data: bytes) -> None:
    (exchange,) = read(data + GET)
    assert (exchange.slug, exchange.is_closing, exchange.request) == ("bad-request", True, None)
    assert exchange.detail


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: identity\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
        HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
        HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_not_supported_is_said_to_be(data: bytes) -> None:
    (exchange,) = read(data + GET)
    assert (exchange.slug, exchange.is_closing) == ("not-implemented", True)


def test_an_upgrade_without_a_body_is_not_taken() -> None:
    first, second = read(b"GET /1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + GET)
    assert [first.request and first.request.path, second.request and second.request.path] == ["/1", "/next"]


@pytest.mark.parametrize(
    ("data", "slug", "said"),
    [
        (HEAD + b"Content-Length: 101\r\n\r\n", "body-too-large", "101 bytes; the limit is 100"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + b"x" * 101, "body-too-large", "limit of 100"),
        (b"GET /" + b"a" * http1.MAX_TARGET_BYTES + b" HTTP/1.1\r\nHost: h\r\n\r\n", "uri-too-long", "8192"),
        (HEAD + b"A: " + b"a" * http1.MAX_HEADER_BYTES + b"\r\n\r\n", "headers-too-large", "32768"),
        (HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(128)) + b"\r\n", "headers-too-large", "128"),
    ],
)
def test_what_is_over_a_limit_says_the_limit(data: bytes, slug: str, said: str) -> None:
    for split in (len(data), 1000):
        exchange = read(*[data[i : i + split] for i in range(0, len(data), split)])[-1]
        assert (exchange.slug, exchange.is_closing) == (slug, True)
        assert said in exchange.detail


def test_bodies_and_headers_at_the_limit_pass() -> None:
    headers = b"".join(b"X-%d: 1\r\n" % n for n in range(126))
    (exchange,) = read(HEAD + b"Content-Length: 100\r\n" + headers + b"\r\n" + b"x" * 100)
    assert exchange.request is not None
    assert len(exchange.request.body) == 100


@pytest.mark.parametrize("is_chunked", [True, False])
@pytest.mark.parametrize("has_room", [True, False])
def test_room_is_asked_for_before_a_large_body(is_chunked: bool, has_room: bool) -> None:
    asked: list[int] = []

    def ask(size: int) -> bool:
        asked.append(size)
        return has_room

    size = http1.SMALL_BODY_BYTES + 1
    reader = RequestReader(1_000_000, ask)
    reader.feed(HEAD + b"Content-Length: 10\r\n\r\n0123456789")
    reader.feed(HEAD + (b"Transfer-Encoding: chunked\r\n\r\n" if is_chunked else b"Content-Length: %d\r\n\r\n" % size))
    for part in (b"x" * http1.SMALL_BODY_BYTES, b"x"):
        reader.feed(b"%x\r\n%s\r\n" % (len(part), part) if is_chunked else part)
    reserved = 1_000_000 if is_chunked else size
    assert asked == [reserved]
    assert reader.reserved_bytes == (reserved if is_chunked and has_room else 0)
    reader.feed(b"0\r\n\r\n" if is_chunked else b"")
    assert reader.reserved_bytes == 0
    last = reader.exchanges[-1]
    assert (last.slug, last.request and len(last.request.body)) == (("", size) if has_room else ("not-ready", None))


def test_running_out_of_memory_while_reading_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(list[bytes]):
        def append(self, part: bytes) -> None:
            raise MemoryError

    reader = RequestReader(100, roomy)
    reader.feed(HEAD + b"Content-Length: 10\r\n\r\n")
    reader._body = Full()
    reader.feed(b"0123456789")
    assert (reader.exchanges[-1].slug, reader.is_stopped) == ("not-ready", True)


def test_a_header_that_never_ends_is_cut_off() -> None:
    reader = RequestReader(100, roomy)
    reader.feed(HEAD + b"X: ")
    fed = 0
    while not reader.is_stopped:
        reader.feed(b"a" * 4096)
        fed += 4096
    assert reader.exchanges[-1].slug == "headers-too-large"
    assert fed < 200_000


def test_the_phase_and_the_wish_for_100_continue_are_known() -> None:
    reader = RequestReader(100, roomy)
    assert reader.phase == http1.IDLE
    reader.feed(HEAD)
    assert reader.phase == http1.HEAD
    reader.feed(b"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n")
    assert (reader.phase, reader.wants_continue) == (http1.BODY, True)
    reader.feed(b"a")
    assert (reader.phase, reader.wants_continue, reader.body_bytes) == (http1.BODY, False, 1)
    reader.feed(b"bc")
    assert (reader.phase, len(reader.exchanges)) == (http1.IDLE, 1)


@pytest.mark.parametrize(
    "expectation", [b"Expect: 100-continue\r\nContent-Length: 0\r\n", b"Expect: 200-ok\r\nContent-Length: 1\r\n"]
)
def test_nobody_is_told_to_continue_without_need(expectation: bytes) -> None:
    reader = RequestReader(100, roomy)
    reader.feed(HEAD + expectation + b"\r\n")
    assert not reader.wants_continue


STREAM = (
    b"\r\nGET /a HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\r\n"
    + HEAD
    + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"
    + HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT: t\r\n\r\n"
    + b"GET /u HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    + b"HEAD /h HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    + HEAD
    + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"
    + GET
)
WHOLE = [summary(exchange) for exchange in read(STREAM)]


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_any_split_of_a_stream_reads_the_same(cuts: list[int]) -> None:
    edges = sorted({0, len(STREAM), *cuts})
    parts = [STREAM[a:b] for a, b in pairwise(edges)]
    assert [summary(exchange) for exchange in read(*parts)] == WHOLE


def test_one_byte_at_a_time_reads_the_same() -> None:
    assert len(WHOLE) == 6
    assert [summary(exchange) for exchange in read(*[STREAM[i : i + 1] for i in range(len(STREAM))])] == WHOLE


@given(st.binary(max_size=300), st.integers(1, 20))
def test_no_bytes_raise(noise: bytes, size: int) -> None:
    reader = RequestReader(50, roomy)
    for at in range(0, len(noise), size):
        reader.feed(noise[at : at + size])
    reader.feed(GET)
    assert all(exchange.request or exchange.slug for exchange in reader.exchanges)
