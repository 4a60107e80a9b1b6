"""The real process over raw sockets: what reaches it broken, slow, too much or never."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Serve = Callable[..., Any]
BODY = b'{"inputs": [[1, 2, 3]]}'
ANSWER = {"model": "plain", "outputs": {"y": [[4.0, 5.0]]}}


def predict(body: bytes = BODY, headers: bytes = b"") -> bytes:
    head = b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    return head + headers + b"\r\n" + body


def read_answer(stream: Any) -> tuple[int, dict[str, str], bytes]:
    """One answer from a socket's file."""
    status = int(stream.readline().split(b" ")[1])
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode("latin-1").partition(": ")
        headers[name] = value
    return status, headers, stream.read(int(headers.get("content-length", 0)))


class Client:
    """A raw connection."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.sock.makefile("rb")

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        return read_answer(self.file)

    def is_closed(self) -> bool:
        return self.file.read(1) == b""

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self.file.close()
        self.sock.close()


@pytest.fixture
def client() -> Iterator[Callable[[int], Client]]:
    made: list[Client] = []

    def connect(port: int) -> Client:
        made.append(Client(port))
        return made[-1]

    yield connect
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the python format: it sleeps for as many seconds as its input says; a negative input hangs."""
    folder = tmp_path_factory.mktemp("hooked") / "sleeper"
    folder.mkdir()
    (folder / "hook.py").write_text(
        "import time\n\n\ndef predict(model, inputs):\n    seconds = float(inputs['s'][0])\n"
        "    print('asleep')\n"
        "    while seconds < 0:\n        time.sleep(0.01)\n    time.sleep(seconds)\n    return inputs['s']\n"
    )
    spec = {"name": "s", "dtype": "FP64", "shape": [1]}
    document = {
        "schema": 1,
        "name": "sleeper",
        "fingerprint": "5" * 64,
        "format": "python",
        "entry": "hook.py",
        "hook": "hook.py",
        "inputs": [spec],
        "outputs": [spec | {"name": "t"}],
        "preprocess": None,
        "top_k": None,
        "labels": [],
    }
    (folder / "bundle.json").write_text(json.dumps(document))
    return folder


def asleep(seconds: float) -> bytes:
    return predict(json.dumps({"inputs": [seconds]}).encode())


def test_one_connection_serves_many_requests_in_order(serve: Serve, client: Callable[[int], Client]) -> None:
    one = client(serve("plain").port)
    one.send(predict() + b"GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n" + predict(b'{"inputs": [[0, 0, 1]]}'))
    answers = [one.answer() for _ in range(3)]
    assert [status for status, _, _ in answers] == [200, 200, 200]
    assert json.loads(answers[0][2]) == ANSWER
    assert json.loads(answers[2][2])["outputs"] == {"y": [[1.0, 1.0]]}
    assert not any("server" in headers for _, headers, _ in answers)
    assert all(headers["date"].endswith("GMT") for _, headers, _ in answers)


def test_a_large_batch_is_answered_while_small_requests_pass_it(serve: Serve, client: Callable[[int], Client]) -> None:
    port = serve("plain").port
    one, other = client(port), client(port)
    rows = 40_000
    one.send(predict(json.dumps({"inputs": [[1, 2, 3]] * rows}).encode()))
    other.send(predict())
    assert other.answer()[0] == 200
    status, _, body = one.answer()
    assert (status, len(json.loads(body)["outputs"]["y"])) == (200, rows)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST /predict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET /../bundle.json HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 501),
    ],
)
def test_a_bad_request_is_a_problem_document_and_the_end(
    serve: Serve, client: Callable[[int], Client], sent: bytes, status: int
) -> None:
    server = serve("plain")
    one = client(server.port)
    one.send(sent + b"GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n")
    got, headers, body = one.answer()
    assert (got, headers["content-type"], headers["connection"]) == (status, "application/problem+json", "close")
    document = json.loads(body)
    assert document["type"].startswith("urn:mldeploy:problem:")
    assert document["detail"]
    assert "Traceback" not in body.decode()
    assert one.is_closed()
    assert f'status="{status}"' in server.call("GET", "/metrics")[2].decode()


def test_a_body_over_the_limit_is_refused_with_the_limit_before_it_is_sent(
    serve: Serve, client: Callable[[int], Client]
) -> None:
    one = client(serve("plain", MLDEPLOY_MAX_BODY_BYTES="100").port)
    one.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n")
    status, headers, body = one.answer()
    assert (status, headers["connection"]) == (413, "close")
    assert "limit is 100 bytes" in json.loads(body)["detail"]
    assert one.is_closed()


def test_a_chunked_body_over_the_limit_is_refused_while_it_comes(serve: Serve, client: Callable[[int], Client]) -> None:
    one = client(serve("plain", MLDEPLOY_MAX_BODY_BYTES="100").port)
    one.send(b"POST /predict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(3):
        one.send(b"40\r\n" + b"x" * 64 + b"\r\n")
    status, _, body = one.answer()
    assert status == 413
    assert "100 bytes" in json.loads(body)["detail"]


PATIENCE = {"MLDEPLOY_HEADER_TIMEOUT_S": "0.3", "MLDEPLOY_BODY_TIMEOUT_S": "0.3", "MLDEPLOY_IDLE_TIMEOUT_S": "0.6"}


@pytest.mark.parametrize(
    "beginning", [b"GET / HTTP/1.1\r\nX: ", b"POST /predict HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n"]
)
def test_a_slow_loris_gets_408_and_disturbs_nobody(serve: Serve, client: Callable[[int], Client], beginning: bytes) -> None:
    server = serve("plain", **PATIENCE)
    lorises = [client(server.port) for _ in range(20)]
    for loris in lorises:
        loris.send(beginning)
    until = time.monotonic() + 0.2
    while time.monotonic() < until:
        for loris in lorises:
            loris.send(b"a")
        assert server.call("POST", "/predict", BODY, content_type="application/json")[0] == 200
    for loris in lorises:
        status, headers, body = loris.answer()
        assert (status, headers["connection"]) == (408, "close")
        assert json.loads(body)["type"] == "urn:mldeploy:problem:request-timeout"
        assert loris.is_closed()


def test_a_silent_connection_is_closed_and_a_used_one_is_not(serve: Serve, client: Callable[[int], Client]) -> None:
    server = serve("plain", **PATIENCE)
    silent, used = client(server.port), client(server.port)
    for _ in range(4):
        time.sleep(0.2)
        used.send(predict())
        assert used.answer()[0] == 200
    assert silent.is_closed()


def test_a_half_closed_connection_gets_its_answer(serve: Serve, client: Callable[[int], Client]) -> None:
    one = client(serve("plain").port)
    one.send(predict())
    one.sock.shutdown(socket.SHUT_WR)
    assert one.answer()[0] == 200
    assert one.is_closed()


def test_connections_over_the_limit_get_503_and_the_limit_recovers(serve: Serve, client: Callable[[int], Client]) -> None:
    server = serve("plain", MLDEPLOY_MAX_CONNECTIONS="4")
    kept = [client(server.port) for _ in range(4)]
    for each in kept:
        each.send(predict())
        assert each.answer()[0] == 200
    status, headers, body = client(server.port).answer()
    assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")
    assert "4 connections" in json.loads(body)["detail"]
    kept[0].close()
    deadline = time.monotonic() + 5
    while server.call("GET", "/v2/health/live")[0] != 200:
        assert time.monotonic() < deadline


def test_overload_is_answered_at_once_and_counted(
    spawn: Callable[..., Any], hooked: Path, client: Callable[[int], Client]
) -> None:
    process = spawn(hooked, MLDEPLOY_CONCURRENCY="1", MLDEPLOY_QUEUE="2")
    clients = [client(process.port) for _ in range(8)]
    statuses: list[int] = []

    def ask(one: Client) -> None:
        one.send(asleep(0.4))
        status, headers, _ = one.answer()
        statuses.append(status)
        assert (status == 429) == ("retry-after" in headers)

    threads = [threading.Thread(target=ask, args=(one,)) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(statuses) == [200] * 3 + [429] * 5
    assert statuses[:5] == [429] * 5
    assert 'status="429"} 5' in process.call("GET", "/metrics").decode()


def test_a_client_that_vanishes_leaves_nothing_behind(
    spawn: Callable[..., Any], hooked: Path, client: Callable[[int], Client]
) -> None:
    process = spawn(hooked, MLDEPLOY_CONCURRENCY="1", MLDEPLOY_QUEUE="4")
    for _ in range(5):
        one = client(process.port)
        one.send(asleep(0.2))
        time.sleep(0.02)
        one.reset()
    began = time.monotonic()
    assert json.loads(process.call("POST", "/predict", b'{"inputs": [0.0]}'))["outputs"] == {"t": [0.0]}
    assert time.monotonic() - began < 0.9, "the predictions of clients that were gone have been run"


def test_a_hanging_model_is_504_then_a_restart_is_asked_for(
    spawn: Callable[..., Any], hooked: Path, client: Callable[[int], Client]
) -> None:
    process = spawn(hooked, MLDEPLOY_TIMEOUT_S="0.3", MLDEPLOY_STUCK_GRACE_S="0.1", MLDEPLOY_CONCURRENCY="1")
    one = client(process.port)
    one.send(asleep(-1))
    status, _, body = one.answer()
    assert (status, json.loads(body)["type"]) == (504, "urn:mldeploy:problem:timeout")
    time.sleep(0.3)
    one.send(asleep(0))
    assert one.answer()[0] == 200, "a replacement works on"
    one.send(asleep(-1))
    assert one.answer()[0] == 504
    time.sleep(0.3)
    one.send(asleep(0))
    status, headers, _ = one.answer()
    assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")
    assert process.popen.wait(10) == 75
    assert "hangs on every thread" in process.output()


def test_out_of_file_descriptors_neither_spins_nor_sticks(
    spawn: Callable[..., Any], bundle: Callable[[str], Path], client: Callable[[int], Client]
) -> None:
    process = spawn(bundle("plain"), descriptors=60)
    crowd = [client(process.port) for _ in range(120)]
    time.sleep(0.3)
    before = process.cpu_seconds()
    time.sleep(0.5)
    assert process.cpu_seconds() - before < 0.2
    for each in crowd:
        each.reset()
    deadline = time.monotonic() + 10
    while not (answer := process.raw("POST", "/predict", BODY)).startswith(b"HTTP/1.1 200"):
        assert time.monotonic() < deadline, answer
