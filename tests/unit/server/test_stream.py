from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mldeploy.handlers.server.loop import Loop
from mldeploy.handlers.server.stream import Acceptor, Stream


class Recorder:
    """Notes what it is told; `keeps` is its answer to the end of file."""

    def __init__(self, keeps: bool = False) -> None:
        self.keeps = keeps
        self.events: list[str] = []
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        if data == b"bug":
            raise RuntimeError("a bug in the receiver")

    def eof_received(self) -> bool:
        self.events.append("eof")
        return self.keeps

    def connection_lost(self) -> None:
        self.events.append("lost")

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


class Rig:
    """A loop that is turned by hand, and both ends of one TCP connection."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []
        self.loop = Loop(self.failures.append)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.peer = socket.create_connection(listening.getsockname(), timeout=5)
            self.near, _ = listening.accept()
        self.near.setblocking(False)

    def stream(self, receiver: Recorder) -> Stream:
        return Stream(self.loop, self.near, receiver)

    def turn(self, until: Callable[[], Any]) -> None:
        for _ in range(500):
            if until():
                return
            self.loop._result = None
            self.loop.call_later(0.005, self.loop.stop, 0)
            self.loop.run()
        pytest.fail("it never came true")

    def reset(self) -> None:
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.peer.close()
    made.near.close()
    made.loop.close()


def test_bytes_go_both_ways_and_close_is_heard(rig: Rig) -> None:
    receiver = Recorder()
    stream = rig.stream(receiver)
    rig.peer.sendall(b"hello")
    rig.turn(lambda: receiver.data == b"hello")
    stream.write(b"ans")
    stream.write(b"wer")
    stream.close()
    stream.close()
    rig.turn(lambda: receiver.events == ["lost"])
    stream.abort()
    stream.write(b"too late")
    assert rig.peer.recv(100) == b"answer"
    assert rig.peer.recv(100) == b""


def test_what_the_kernel_does_not_take_is_sent_later_in_order(rig: Rig) -> None:
    receiver = Recorder()
    stream = rig.stream(receiver)
    block = bytes(range(256)) * 8192
    for _ in range(20):
        stream.write(block)
    assert stream.unsent_bytes > 64 * 1024
    assert receiver.events == ["pause"]
    stream.write_eof()
    stream.write(b"after the end")
    received = bytearray()

    def take() -> bool:
        rig.peer.settimeout(0.001)
        try:
            while data := rig.peer.recv(1 << 20):
                received.extend(data)
        except TimeoutError:
            return False
        return True

    rig.turn(take)
    assert received == block * 20
    assert (receiver.events, stream.unsent_bytes) == (["pause", "resume"], 0)


def test_close_sends_the_rest_first(rig: Rig) -> None:
    receiver = Recorder()
    stream = rig.stream(receiver)
    stream.write(b"x" * 8_000_000)
    stream.close()
    stream.resume_reading()
    assert not receiver.events.count("lost")
    total = 0

    def take() -> bool:
        nonlocal total
        rig.peer.settimeout(0.001)
        try:
            while data := rig.peer.recv(1 << 20):
                total += len(data)
        except TimeoutError:
            pass
        return "lost" in receiver.events and total == 8_000_000

    rig.turn(take)


def test_a_paused_stream_reads_nothing(rig: Rig) -> None:
    receiver = Recorder()
    stream = rig.stream(receiver)
    stream.pause_reading()
    rig.peer.sendall(b"later")
    rig.turn(lambda: True)
    rig.loop.call_later(0.02, rig.loop.stop, 0)
    rig.loop.run()
    assert receiver.data == b""
    stream.resume_reading()
    rig.turn(lambda: receiver.data == b"later")


@pytest.mark.parametrize("keeps", [True, False])
def test_the_end_of_file_closes_unless_the_receiver_keeps_it(rig: Rig, keeps: bool) -> None:
    receiver = Recorder(keeps)
    stream = rig.stream(receiver)
    rig.peer.shutdown(socket.SHUT_WR)
    rig.turn(lambda: receiver.events[-1:] == (["eof"] if keeps else ["lost"]))
    if keeps:
        stream.write(b"answer")
        rig.turn(lambda: not stream.unsent_bytes)
        assert rig.peer.recv(100) == b"answer"


def test_a_reset_is_a_loss(rig: Rig) -> None:
    receiver = Recorder()
    rig.stream(receiver)
    rig.reset()
    rig.turn(lambda: receiver.events == ["lost"])


def test_a_reset_is_noticed_when_writing(rig: Rig) -> None:
    receiver = Recorder()
    stream = rig.stream(receiver)
    stream.pause_reading()
    rig.reset()

    def write() -> bool:
        stream.write(b"x")
        return receiver.events == ["lost"]

    rig.turn(write)


def test_a_reset_is_noticed_while_much_is_unsent(rig: Rig) -> None:
    receiver = Recorder()
    stream = rig.stream(receiver)
    stream.pause_reading()
    stream.write(b"x" * 8_000_000)
    rig.reset()
    rig.turn(lambda: receiver.events == ["pause", "lost"])


def test_shutting_down_a_reset_connection_is_a_loss(rig: Rig) -> None:
    receiver = Recorder()
    stream = rig.stream(receiver)
    stream.pause_reading()
    rig.reset()
    rig.turn(lambda: rig.near.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO) == 7)  # TCP_CLOSE
    stream.write_eof()
    rig.turn(lambda: receiver.events == ["lost"])


def test_a_bug_in_the_receiver_costs_that_connection_only(rig: Rig) -> None:
    receiver = Recorder()
    rig.stream(receiver)
    rig.peer.sendall(b"bug")
    rig.turn(lambda: receiver.events == ["lost"])
    assert [type(failure) for failure in rig.failures] == [RuntimeError]


class Listening:
    """A listening socket whose `accept` fails a few times first."""

    def __init__(self, sock: socket.socket, errors: list[OSError]) -> None:
        self._sock = sock
        self.errors = errors

    def accept(self) -> tuple[socket.socket, object]:
        if self.errors:
            raise self.errors.pop(0)
        return self._sock.accept()

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()


@pytest.mark.parametrize(
    "error", [ConnectionAbortedError(errno.ECONNABORTED, "gone"), OSError(errno.EMFILE, "too many open files")]
)
def test_a_failing_accept_is_tried_again(rig: Rig, error: OSError) -> None:
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        acceptor = Acceptor(rig.loop, Listening(sock, [error, error]), accepted.append)  # type: ignore[arg-type]
        with socket.create_connection(sock.getsockname()):
            rig.turn(lambda: accepted)
        assert accepted[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        acceptor.close()
        acceptor.close()
    accepted[0].close()


def test_closing_takes_who_waits_already(rig: Rig) -> None:
    accepted: list[socket.socket] = []
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    acceptor = Acceptor(rig.loop, sock, accepted.append)
    clients = [socket.create_connection(sock.getsockname()) for _ in range(3)]
    acceptor.close()
    assert len(accepted) == 3
    assert sock.fileno() == -1
    for end in (*clients, *accepted):
        end.close()


def test_closing_while_out_of_descriptors_ends(rig: Rig) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    acceptor = Acceptor(rig.loop, Listening(sock, [OSError(errno.EMFILE, "x")]), lambda client: None)  # type: ignore[arg-type]
    acceptor.close()
    acceptor._watch()
    assert sock.fileno() == -1


def test_more_connections_than_a_turn_takes_are_all_accepted(rig: Rig) -> None:
    accepted: list[socket.socket] = []
    sock = socket.create_server(("127.0.0.1", 0), backlog=200)
    sock.setblocking(False)
    acceptor = Acceptor(rig.loop, sock, accepted.append)
    clients = [socket.create_connection(sock.getsockname()) for _ in range(80)]
    rig.turn(lambda: len(accepted) == 80)
    acceptor.close()
    for end in (*clients, *accepted):
        end.close()
