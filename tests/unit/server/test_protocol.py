"""Connections over real sockets, with a runtime that does as it is told."""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Start = Callable[..., Any]
GET = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"


def end_of(sock: socket.socket) -> bytes:
    """Everything until the peer closes (a reset counts)."""
    data = b""
    try:
        while part := sock.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data


def test_a_connection_is_kept_for_the_next_request(running: Start) -> None:
    server = running()
    with server.connect() as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
        for text in ("one", "two"):
            sock.sendall(server.request(text))
            assert server.answer(sock)[::2] == (200, b"/predict " + text.encode())


@pytest.mark.parametrize("heavy", [True, False])
def test_pipelined_requests_are_answered_in_order(running: Start, heavy: bool) -> None:
    server = running(heavy=heavy)
    with server.connect() as sock:
        sock.sendall(server.request("sleep 0.02") + GET + server.request("b") + GET + server.request("c") * 40)
        bodies = [server.answer(sock)[2] for _ in range(44)]
    assert bodies[:4] == [b"/predict sleep 0.02", b"/x ", b"/predict b", b"/x "]
    assert bodies[4:] == [b"/predict c"] * 40


def test_reading_ahead_is_bounded(running: Start) -> None:
    server = running(queue=0)
    with server.connect() as sock:
        sock.sendall(server.request("hold"))
        server.until(lambda: server.runtime.handled)
        sock.setblocking(False)
        sent = 0
        block = server.request("x" * 50_000)
        try:
            while sent < 50_000_000:
                sent += sock.send(block)
        except BlockingIOError:
            pass
        time.sleep(0.1)
        (connection,) = server.service.connections
        assert sum(len(exchange.request.body) for exchange in connection.reader.exchanges) <= 200_000
        assert sent < 50_000_000


def test_small_light_predictions_run_on_the_loop_and_others_in_the_pool(running: Start) -> None:
    server = running(heavy=False)
    with server.connect() as sock:
        for body, headers in (("a", ""), ("a" * 70_000, ""), ("a", "Content-Encoding: gzip\r\n")):
            sock.sendall(server.request(body, headers=headers))
            assert server.answer(sock)[0] == 200
    assert server.service.admission.seconds > 0
    server.until(lambda: len(server.runtime.accounted) == 3)


def test_light_predictions_wait_their_turn_when_others_run(running: Start) -> None:
    server = running(heavy=False, concurrency=1, queue=0)
    with server.connect() as first, server.connect() as second:
        first.sendall(server.request("hold" + " " * 70_000))
        server.until(lambda: server.runtime.handled)
        second.sendall(server.request("a"))
        status, headers, _ = server.answer(second)
        assert (status, headers["retry-after"]) == (429, "1")
        second.sendall(GET)
        assert server.answer(second)[0] == 200


def test_predictions_wait_for_the_model_and_others_do_not(running: Start) -> None:
    server = running(loaded=False)
    with server.connect() as waiting, server.connect() as other:
        waiting.sendall(server.request("a"))
        other.sendall(GET)
        assert server.answer(other)[0] == 200
        assert len(server.runtime.handled) == 1
        server.call(server.service.loaded)
        assert server.answer(waiting)[2] == b"/predict a"


def test_overload_is_refused_at_once_and_the_rest_is_answered(running: Start) -> None:
    server = running(concurrency=1, queue=2)
    socks = [server.connect() for _ in range(6)]
    for sock in socks[:3]:
        sock.sendall(server.request("hold"))
    server.until(lambda: server.service.admission.admitted == 3)
    assert server.runtime.metrics.queued() == 2
    for sock in socks[3:]:
        sock.sendall(server.request("hold"))
        status, headers, body = server.answer(sock)
        assert (status, body) == (429, b"too-many-requests")
        assert int(headers["retry-after"]) >= 1
    server.runtime.release.set()
    assert [server.answer(sock)[0] for sock in socks[:3]] == [200] * 3
    for sock in socks:
        sock.close()


def test_a_prediction_out_of_time_is_504_and_its_result_is_dropped(running: Start) -> None:
    server = running(timeout_s=0.05, stuck_grace_s=5.0)
    with server.connect() as sock:
        sock.sendall(server.request("hold"))
        assert server.answer(sock)[0] == 504
        server.runtime.release.set()
        server.until(lambda: not server.service.pool.is_busy)
        sock.sendall(server.request("b"))
        assert server.answer(sock)[::2] == (200, b"/predict b")


def test_too_many_stuck_workers_are_reported(running: Start) -> None:
    server = running(timeout_s=0.02, stuck_grace_s=0.01)
    with server.connect() as sock:
        for _ in range(2):
            sock.sendall(server.request("hold"))
            assert server.answer(sock)[0] == 504
        assert server.exhausted.wait(5)
        server.service.is_unhealthy = True
        sock.sendall(server.request("a"))
        status, headers, body = server.answer(sock)
        assert (status, headers["retry-after"], body) == (503, "1", b"not-ready")


def test_a_client_that_goes_away_frees_its_place_in_the_queue(running: Start) -> None:
    server = running(queue=1)
    first, second = server.connect(), server.connect()
    first.sendall(server.request("hold"))
    server.until(lambda: server.runtime.handled)
    second.sendall(server.request("never"))
    server.until(lambda: server.service.admission.admitted == 2)
    second.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    second.close()
    server.until(lambda: server.service.admission.admitted == 1)
    server.runtime.release.set()
    assert server.answer(first)[0] == 200
    first.close()
    server.until(lambda: not server.service.connections)
    assert [request.body for request in server.runtime.handled] == [b"hold"]


def test_a_head_answer_has_no_body_but_its_length(running: Start) -> None:
    server = running()
    with server.connect() as sock:
        sock.sendall(b"HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n" + GET)
        status, headers, _ = server.answer(sock, is_head=True)
        assert (status, headers["content-length"]) == (200, "5")
        assert server.answer(sock)[2] == b"/x "


def test_http_1_0_is_closed_unless_it_asks_for_more(running: Start) -> None:
    server = running()
    with server.connect() as sock:
        sock.sendall(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert server.answer(sock)[1]["connection"] == "keep-alive"
        sock.sendall(b"GET /a HTTP/1.0\r\n\r\n")
        assert server.answer(sock)[1]["connection"] == "close"
        assert end_of(sock) == b""


def test_continue_is_said_once_and_only_when_it_is_the_turn(running: Start) -> None:
    server = running()
    with server.connect() as sock:
        expecting = b"POST /predict HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        sock.sendall(server.request("hold") + expecting)
        server.until(lambda: server.runtime.handled)
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.settimeout(5)
        server.runtime.release.set()
        assert server.answer(sock)[0] == 200
        assert server.answer(sock)[0] == 100
        sock.sendall(b"ok")
        assert server.answer(sock)[::2] == (200, b"/predict ok")


def test_a_refusal_comes_before_the_body_and_can_be_read_while_sending(running: Start) -> None:
    server = running(max_body_bytes=1000)
    with server.connect() as sock:
        sock.sendall(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n")
        for _ in range(50):
            sock.sendall(b"x" * 100_000)
        status, headers, body = server.answer(sock)
        assert (status, headers["connection"], body) == (413, "close", b"body-too-large")
        assert sock.recv(1) == b""
        sock.shutdown(socket.SHUT_WR)
    server.until(lambda: not server.service.connections)
    assert server.runtime.rejected == [("body-too-large", "the body has 5000000 bytes; the limit is 1000 bytes")]


def test_what_is_dropped_while_closing_is_bounded(running: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mldeploy.handlers.server.protocol._MAX_LINGER_BYTES", 100_000)
    server = running(max_body_bytes=10)
    with server.connect() as sock:
        sock.sendall(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            sock.sendall(b"x" * 50_000_000)


def test_a_half_closed_connection_gets_all_its_answers(running: Start) -> None:
    server = running()
    with server.connect() as sock:
        sock.sendall(server.request("sleep 0.05") + server.request("b"))
        sock.shutdown(socket.SHUT_WR)
        assert [server.answer(sock)[2] for _ in range(2)] == [b"/predict sleep 0.05", b"/predict b"]
        assert sock.recv(1) == b""
    server.until(lambda: not server.service.connections)


def test_a_half_closed_connection_without_a_request_is_closed(running: Start) -> None:
    server = running()
    with server.connect() as sock:
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""


@pytest.mark.parametrize("part", [b"GET / HT", b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"])
def test_an_end_in_the_middle_of_a_request_is_told(running: Start, part: bytes) -> None:
    server = running()
    with server.connect() as sock:
        sock.sendall(part)
        sock.shutdown(socket.SHUT_WR)
        assert server.answer(sock)[0] == 400
        assert sock.recv(1) == b""


def test_a_reader_that_stops_reading_holds_up_only_itself(running: Start) -> None:
    server = running(heavy=False, write_timeout_s=0.2)
    with server.connect() as slow, server.connect() as other:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(server.request("big 3000000") * 20)
        server.until(lambda: any(connection.is_choked for connection in server.service.connections))
        assert len(server.runtime.handled) < 20
        other.sendall(GET)
        assert server.answer(other)[0] == 200
        server.until(lambda: len(server.service.connections) == 1)


def test_a_slow_reader_that_makes_progress_is_waited_for(running: Start) -> None:
    server = running(heavy=False, write_timeout_s=1.0)
    size = 30_000_000
    with server.connect() as slow:
        slow.sendall(server.request(f"big {size}") + server.request("b", headers="Connection: close\r\n"))
        total, began = 0, time.monotonic()
        while time.monotonic() - began < 2.0:
            part = slow.recv(100_000)
            assert part, "it was dropped in spite of its progress"
            total += len(part)
            time.sleep(0.01)
        assert total < size
        assert end_of(slow).endswith(b"/predict b")


@pytest.mark.parametrize(
    ("sent", "slug"),
    [
        (b"GET / HTTP/1.1\r\nHost:", "request-timeout"),
        (b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", "request-timeout"),
    ],
)
def test_a_request_that_does_not_arrive_in_time_is_408(running: Start, sent: bytes, slug: str) -> None:
    server = running(header_timeout_s=0.1, body_timeout_s=0.1)
    with server.connect() as sock:
        sock.sendall(sent)
        assert server.answer(sock)[::2] == (408, slug.encode())
        assert sock.recv(1) == b""


def test_a_slow_loris_is_cut_off_however_it_drips(running: Start) -> None:
    server = running(header_timeout_s=0.3)
    with server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        while server.service.connections and not server.runtime.rejected:
            sock.sendall(b"X-Drip: 1\r\n")
            time.sleep(0.02)
            assert time.monotonic() - began < 5
        assert server.answer(sock)[::2] == (408, b"request-timeout")


def test_a_slow_body_with_a_fair_rate_is_read(running: Start) -> None:
    server = running(body_timeout_s=0.1)
    with server.connect() as sock:
        sock.sendall(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n")
        for _ in range(6):
            sock.sendall(b"x" * 10_000)
            time.sleep(0.06)
        assert server.answer(sock)[0] == 200


@pytest.mark.parametrize("first", [b"", GET])
def test_a_silent_connection_is_closed_after_its_time(running: Start, first: bytes) -> None:
    server = running(header_timeout_s=0.1, idle_timeout_s=0.1)
    with server.connect() as sock:
        sock.sendall(first)
        data = end_of(sock)
        assert data.count(b"HTTP/1.1") == (1 if first else 0)


def test_a_peer_that_never_closes_is_dropped(running: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mldeploy.handlers.server.patience.LINGER_S", 0.05)
    server = running(idle_timeout_s=0.05)
    with server.connect() as sock:
        sock.sendall(GET)
        server.until(lambda: not server.service.connections)
        assert server.answer(sock)[0] == 200


def test_a_connection_at_work_is_never_called_idle(running: Start) -> None:
    server = running(idle_timeout_s=0.05, header_timeout_s=0.05)
    with server.connect() as sock:
        sock.sendall(server.request("sleep 0.3"))
        assert server.answer(sock)[0] == 200


def test_the_time_of_a_request_begins_when_it_can_be_read(running: Start) -> None:
    server = running(body_timeout_s=0.3)
    with server.connect() as sock:
        sock.sendall(server.request("sleep 0.4") + b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na")
        assert server.answer(sock)[0] == 200
        time.sleep(0.1)
        sock.sendall(b"b")
        assert server.answer(sock)[2] == b"/predict ab"


def test_connections_over_the_limit_are_told_so(running: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mldeploy.handlers.server.service._MAX_REFUSED", 1)
    server = running(max_connections=2)
    kept = [server.connect() for _ in range(2)]
    server.until(lambda: len(server.service.connections) == 2)
    with server.connect() as refused:
        status, headers, _ = server.answer(refused)
        assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")
        with server.connect() as dropped:
            assert end_of(dropped) == b""
        with server.connect(private=True) as private:
            private.sendall(GET)
            assert server.answer(private)[0] == 200
    for sock in kept:
        sock.sendall(GET)
        assert server.answer(sock)[0] == 200
        sock.close()
    server.until(lambda: not server.service.connections)
    with server.connect() as sock:
        sock.sendall(GET)
        assert server.answer(sock)[0] == 200


def test_bodies_beyond_what_memory_allows_are_refused(running: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mldeploy.handlers.server.service._MAX_HELD_BYTES", 0)
    server = running(max_body_bytes=400_000, queue=5)
    with server.connect() as first, server.connect() as second, server.connect() as third:
        first.sendall(server.request("hold" + " " * 150_000))
        server.until(lambda: server.runtime.handled)
        second.sendall(server.request("b" * 150_000))
        server.until(lambda: server.service.admission.admitted == 2)
        third.sendall(b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Length: 150000\r\n\r\n")
        assert server.answer(third)[::2] == (503, b"not-ready")
        server.runtime.release.set()
        assert [server.answer(sock)[0] for sock in (first, second)] == [200, 200]
        second.sendall(server.request("b" * 150_000))
        assert server.answer(second)[0] == 200


def test_who_has_no_key_takes_no_place_in_the_queue(running: Start) -> None:
    server = running(access="key", api_key="secret", concurrency=1, queue=0)
    with server.connect() as busy, server.connect() as stranger:
        busy.sendall(server.request("hold", headers="X-Api-Key: secret\r\n"))
        server.until(lambda: server.service.admission.admitted == 1)
        stranger.sendall(server.request("stranger"))
        assert server.answer(stranger)[2] == b"/predict stranger"  # the core's answer, 401 in life
        stranger.sendall(server.request("friend", headers="X-Api-Key: secret\r\n"))
        assert server.answer(stranger)[0] == 429


def test_draining_answers_what_is_open_and_closes_what_is_silent(running: Start) -> None:
    server = running(drain_grace_s=0.1, idle_timeout_s=0.4)
    with server.connect() as busy, server.connect() as silent, server.connect() as late:
        busy.sendall(server.request("hold") + server.request("b"))
        server.until(lambda: server.runtime.handled and len(server.service.connections) == 3)
        server.call(server.service.drain)
        late.sendall(server.request("c"))
        assert silent.recv(1) == b""
        server.runtime.release.set()
        first, second = server.answer(busy), server.answer(busy)
        assert ("connection" in first[1], second[1]["connection"], second[2]) == (False, "close", b"/predict b")
        status, headers, body = server.answer(late)
        assert (status, headers["connection"], body) == (200, "close", b"/predict c")
        assert late.recv(1) == b""


def test_a_bug_in_the_runtime_ends_one_connection(running: Start) -> None:
    server = running(heavy=False)
    with server.connect() as sock, server.connect() as other:
        sock.sendall(server.request("bug"))
        assert end_of(sock) == b""
        other.sendall(GET)
        assert server.answer(other)[0] == 200
    server.expected_failures = list(server.failures)
    assert [str(failure) for failure in server.failures] == ["the runtime promised not to"]


def masked(answer: bytes) -> bytes:
    return re.sub(rb"date: [^\r]*", b"date: -", answer)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 400), max_size=12), heavy=st.booleans())
def test_any_split_of_the_bytes_gets_the_same_answers(running: Start, cuts: list[int], heavy: bool) -> None:
    server = running(heavy=heavy)
    chunked = b"POST /predict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    stream = server.request("one") + GET + chunked + server.request("two") + b"GET /no%zz HTTP/1.1\r\nHost: h\r\n\r\n" + GET
    with server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        edges = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
        for a, b in pairwise(edges):
            sock.sendall(stream[a:b])
            time.sleep(0.0005)
        answers = masked(end_of(sock))
    bodies = [part.split(b"\r\n\r\n")[1] for part in answers.split(b"HTTP/1.1 ")[1:]]
    assert bodies == [b"/predict one", b"/x ", b"/predict abcde", b"/predict two", b"bad-request"]
