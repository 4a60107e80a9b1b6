"""From spawn to exit: loading, the control line, draining, and every way not to start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

BODY = b'{"inputs": [[1, 2, 3]]}'
Spawn = Callable[..., Any]


@pytest.fixture
def slow(tmp_path: Path) -> Callable[[float, str], Path]:
    """A bundle whose hook takes its time to load, and then does as told."""

    def make(seconds: float, then: str = "pass") -> Path:
        folder = tmp_path / "slow"
        folder.mkdir()
        (folder / "hook.py").write_text(
            f"import time\n\n\ndef load(folder):\n    time.sleep({seconds})\n    {then}\n\n\ndef predict(model, inputs):\n"
            "    return inputs['x']\n"
        )
        spec = {"name": "x", "dtype": "FP64", "shape": [1]}
        document = {
            "schema": 1,
            "name": "slow",
            "fingerprint": "6" * 64,
            "format": "python",
            "entry": "hook.py",
            "hook": "hook.py",
            "inputs": [spec],
            "outputs": [spec],
            "preprocess": None,
            "top_k": None,
            "labels": [],
        }
        (folder / "bundle.json").write_text(json.dumps(document))
        return folder

    return make


@pytest.fixture
def public() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def ask(port: int, method: str = "POST", path: str = "/predict", body: bytes = BODY, timeout: float = 10) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as sock:
        sock.sendall(
            b"%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (method.encode(), path.encode(), len(body), body)
        )
        data = b""
        while part := sock.recv(65536):
            data += part
    return data


def test_while_loading_it_is_live_but_not_ready_and_predictions_wait(spawn: Spawn, slow: Callable[..., Path]) -> None:
    process = spawn(slow(0.6), is_waited_for=False)
    deadline = time.monotonic() + 5
    while True:
        try:
            assert process.raw("GET", "/v2/health/live").startswith(b"HTTP/1.1 200")
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
    answer = process.raw("GET", "/v2/health/ready")
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after: " in answer
    assert ask(process.port, body=b'{"inputs": [2.5]}').endswith(b"[2.5]}}")
    assert process.raw("GET", "/v2/health/ready").startswith(b"HTTP/1.1 200")


def test_the_control_line_says_ready_and_the_public_socket_waits_for_accept(
    spawn: Spawn, bundle: Callable[[str], Path], public: socket.socket
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as private:
        process = spawn(bundle("plain"), public=public, private=private, is_controlled=True)
        ready, _, document = process.control_line().partition(b" ")
        assert (ready, json.loads(document)["load_ms"] > 0) == (b"ready", True)
        assert ask(private.getsockname()[1]).startswith(b"HTTP/1.1 200")
        with pytest.raises(TimeoutError):
            ask(public.getsockname()[1], timeout=0.3)
        process.control.sendall(b"accept\n")
        assert ask(public.getsockname()[1]).startswith(b"HTTP/1.1 200")
        process.control.sendall(b"what is this\ndrain\n")
        assert process.popen.wait(10) == 0


@pytest.mark.parametrize("end", ["drain", "eof", "SIGTERM", "SIGINT"])
def test_draining_answers_what_is_open_then_exits_with_0(spawn: Spawn, slow: Callable[..., Path], end: str) -> None:
    folder = slow(0.0)
    hook = folder / "hook.py"
    hook.write_text(hook.read_text().replace("    return", "    time.sleep(0.4)\n    return"))
    with socket.create_server(("127.0.0.1", 0)) as public:
        process = spawn(folder, public=public, is_controlled=True, MLDEPLOY_DRAIN_GRACE_S="0.2")
        assert process.control_line().startswith(b"ready")
        process.control.sendall(b"accept\n")
        port = public.getsockname()[1]
        answers: list[bytes] = []
        asking = threading.Thread(target=lambda: answers.append(ask(port, body=b'{"inputs": [1]}')))
        with socket.create_connection(("127.0.0.1", port), timeout=10) as silent:
            asking.start()
            time.sleep(0.2)
            if end == "drain":
                process.control.sendall(b"drain\n")
            elif end == "eof":
                process.control.close()
            else:
                process.popen.send_signal(getattr(signal, end))
            assert silent.recv(1) == b""
            asking.join(10)
        assert answers[0].startswith(b"HTTP/1.1 200")
        assert process.popen.wait(10) == 0


def test_a_switch_from_one_process_to_the_next_fails_no_request(
    spawn: Spawn, bundle: Callable[[str], Path], public: socket.socket
) -> None:
    port = public.getsockname()[1]
    failures: list[object] = []
    done = threading.Event()
    count = 0

    def keep_asking(is_kept: bool) -> None:
        nonlocal count
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while not done.is_set():
            try:
                connection.request("POST", "/predict", BODY, {"content-type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    failures.append(answer.status)
                count += 1
                if not is_kept:
                    connection.close()
            except OSError as error:
                failures.append(error)
                connection.close()
        connection.close()

    first = spawn(bundle("plain"), public=public, is_controlled=True)
    assert first.control_line().startswith(b"ready")
    first.control.sendall(b"accept\n")
    threads = [threading.Thread(target=keep_asking, args=(is_kept,)) for is_kept in (True, True, False, False)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        second = spawn(bundle("plain"), public=public, is_controlled=True)
        assert second.control_line().startswith(b"ready")
        second.control.sendall(b"accept\n")
        first.control.sendall(b"drain\n")
        assert first.popen.wait(10) == 0
        first = second
    done.set()
    for thread in threads:
        thread.join(10)
    assert failures == []
    assert count > 20


def test_a_second_signal_does_not_wait(spawn: Spawn, slow: Callable[..., Path]) -> None:
    folder = slow(0.0)
    hook = folder / "hook.py"
    hook.write_text(hook.read_text().replace("    return", "    time.sleep(inputs['x'][0] * 30)\n    return"))
    process = spawn(folder)
    with socket.create_connection(("127.0.0.1", process.port)) as sock:
        sock.sendall(
            b'POST /predict HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"inputs": [1]}'
        )
        time.sleep(0.2)
        process.popen.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert process.popen.poll() is None
        process.popen.send_signal(signal.SIGINT)
        assert process.popen.wait(5) == 0


def test_a_stop_while_loading_does_not_wait_for_the_model(spawn: Spawn, slow: Callable[..., Path]) -> None:
    process = spawn(slow(30), is_waited_for=False)
    deadline = time.monotonic() + 5
    while True:
        try:
            process.raw("GET", "/v2/health/live")
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
    process.popen.terminate()
    assert process.popen.wait(5) == 0


def test_a_model_that_cannot_be_loaded_is_one_line_and_exit_1(spawn: Spawn, slow: Callable[..., Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as public:
        process = spawn(slow(0.0, "raise RuntimeError('no\\n weights')"), public=public, is_controlled=True)
        line = process.control_line()
        assert line.startswith(b"failed ")
        assert b"no weights" in line
        assert process.popen.wait(10) == 1
    said = [line for line in process.output().splitlines() if line.startswith("mldeploy: ")]
    assert len(said) == 1
    assert "hook.py:6: RuntimeError: no weights" in said[0]


@pytest.mark.parametrize("exits", ["raise SystemExit(3)", "import sys; sys.exit()"])
def test_a_hook_that_exits_while_loading_is_a_failure_not_an_exit(spawn: Spawn, slow: Callable[..., Path], exits: str) -> None:
    process = spawn(slow(0.0, exits), is_waited_for=False)
    assert process.popen.wait(10) == 1
    assert "SystemExit" in process.output()


def run(*arguments: str, **settings: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mldeploy.handlers", *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        env=os.environ | settings,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_folder_that_is_no_bundle_is_said_to_be_none(tmp_path: Path) -> None:
    code, said = run(str(tmp_path), "--port", "0")
    assert code == 1
    assert said.startswith(f"mldeploy: cannot serve {tmp_path}: ")
    assert "is not a bundle" in said


def test_a_port_in_use_is_named_with_the_way_out(bundle: Callable[[str], Path], public: socket.socket) -> None:
    port = public.getsockname()[1]
    code, said = run(str(bundle("plain")), "--port", str(port))
    assert code == 1
    assert f"port {port} on 127.0.0.1 is in use" in said
    assert "--port" in said


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "words"),
    [
        ((), {}, 2, "a bundle folder is expected"),
        (("a", "b"), {}, 2, "one bundle folder"),
        (("a", "--prot", "1"), {}, 2, "unknown option --prot"),
        (("a", "--port", "http"), {}, 2, "--port needs a number"),
        (("a",), {"MLDEPLOY_TIMEOUT_S": "soon"}, 1, "MLDEPLOY_TIMEOUT_S='soon' is not a number"),
        (("a", "--host", "256.1.1.1"), {}, 1, "--host"),
        (("a", "--listen-fd", "77"), {}, 1, "file descriptor 77"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(
    arguments: tuple[str, ...], settings: dict[str, str], code: int, words: str
) -> None:
    assert (run(*arguments, **settings)[0], words in run(*arguments, **settings)[1]) == (code, True)


def test_nobody_reading_the_logs_does_not_stop_the_server(bundle: Callable[[str], Path], spawn: Spawn) -> None:
    process = spawn(bundle("plain"), is_output_closed=True)
    for _ in range(3):
        assert process.call("POST", "/predict", BODY)
