"""The parts around the loop: command line, sockets, control line, loader."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mldeploy.handlers import __main__ as program
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import EngineError
from mldeploy.handlers.server import listen
from mldeploy.handlers.server.app import App
from mldeploy.handlers.server.control import Control
from mldeploy.handlers.server.loader import Loader, LoadError
from mldeploy.handlers.server.loop import Loop


def test_the_command_line_is_read() -> None:
    assert program.parse(["b"]) == program.Options("b")
    words = ["--host", "::1", "--port=0", "b", "--listen-fd", "3", "--private-fd", "4", "--control-fd=5"]
    assert program.parse(words) == ("b", "::1", 0, 3, 4, 5)


@pytest.mark.parametrize(
    "words", [[], ["a", "b"], ["a", "--bundle", "c"], ["a", "--port"], ["a", "--port", "-1"], ["a", "--port", "٣"]]
)
def test_a_wrong_command_line_is_refused(words: list[str]) -> None:
    with pytest.raises(program.UsageError):
        program.parse(words)


def test_a_wrong_command_line_prints_the_usage(capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--nonsense"]) == 2
    said = capfd.readouterr().err
    assert "--listen-fd" in said
    assert said.endswith("mldeploy: unknown option --nonsense\n")


def test_an_interrupt_before_the_loop_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_argv: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "main", interrupted)
    with pytest.raises(SystemExit) as ended:
        program.entry()
    assert ended.value.code == 130


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_a_free_port_is_taken_and_can_be_inherited(host: str, url: str) -> None:
    sock = listen.bind(host, 0)
    inherited = listen.inherit(os.dup(sock.fileno()))
    with sock, inherited:
        assert listen.describe(inherited).startswith(url)
        assert inherited.getsockname() == sock.getsockname()
        assert not inherited.getblocking()


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("192.0.2.1", 0, "not an address of this machine"),
        ("256.0.0.1", 0, "--host"),
        ("bücher.invalid", 0, "--host"),
        ("127.0.0.1", 70000, "port 70000 does not exist"),
    ],
)
def test_an_address_that_cannot_be_had_is_explained(host: str, port: int, words: str) -> None:
    with pytest.raises(listen.ListenError, match=words):
        listen.bind(host, port)


def test_a_port_in_use_and_a_privileged_one_are_explained() -> None:
    with listen.bind("127.0.0.1", 0) as sock, pytest.raises(listen.ListenError, match=r"in use.*--port"):
        listen.bind("127.0.0.1", sock.getsockname()[1])
    assert "privileges" in listen._explain("h", 80, PermissionError(13, "no"))
    assert "h:80: " in listen._explain("h", 80, OSError(5, "input/output error"))


def test_a_descriptor_that_does_not_listen_is_refused() -> None:
    near, far = socket.socketpair()
    with far, pytest.raises(listen.ListenError, match="does not listen"):
        listen.inherit(near.detach())
    with pytest.raises(listen.ListenError, match="not a listening socket"):
        listen.inherit(987)


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "expected", "raised"),
    [
        (256, 4096, 1024, 1024, 1072),
        (256, 512, 1024, 464, 512),
        (2048, 2048, 1024, 1024, None),
        (100, 100, 1024, 52, None),
        (20, 20, 1024, 1, None),
    ],
)
def test_no_more_connections_than_open_files_allow(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, wanted: int, expected: int, raised: int | None
) -> None:
    set_to: list[int] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: set_to.append(limits[0]))
    assert listen.affordable_connections(wanted) == expected
    assert set_to == ([] if raised is None else [raised])


class ControlRig:
    def __init__(self) -> None:
        self.loop = Loop(lambda error: pytest.fail(repr(error)))
        self.supervisor, near = socket.socketpair()
        self.control = Control(near.detach())
        self.calls: list[str] = []
        self.control.attach(self.loop, lambda: self.calls.append("accept"), lambda: self.calls.append("drain"))

    def turn(self) -> None:
        self.loop._result = None
        self.loop.call_later(0.02, self.loop.stop, 0)
        self.loop.run()


@pytest.fixture
def control() -> Iterator[ControlRig]:
    rig = ControlRig()
    yield rig
    rig.supervisor.close()
    rig.control.close()
    rig.loop.close()


def test_lines_from_the_supervisor_are_obeyed_in_any_split(control: ControlRig) -> None:
    for part in (b"acc", b"ept\nwhatever\ndr", b"ain\n"):
        control.supervisor.sendall(part)
        control.turn()
    assert control.calls == ["accept", "drain"]


def test_the_end_of_the_supervisor_is_a_drain(control: ControlRig) -> None:
    control.supervisor.close()
    control.turn()
    assert control.calls == ["drain"]
    control.control.send("ready {}")


def test_a_supervisor_that_sends_no_line_end_is_not_listened_to_for_ever(control: ControlRig) -> None:
    control.supervisor.sendall(b"x" * 5000)
    control.turn()
    control.turn()
    assert control.calls == ["drain"]


def test_a_reset_of_the_line_is_a_drain(control: ControlRig, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, error: OSError) -> None:
            self.error = error

        def recv(self, _size: int) -> bytes:
            raise self.error

        def fileno(self) -> int:
            return real.fileno()

        def close(self) -> None:
            real.close()

    real = control.control._socket
    monkeypatch.setattr(control.control, "_socket", Broken(BlockingIOError()))
    control.control._read(1)
    assert control.calls == []
    monkeypatch.setattr(control.control, "_socket", Broken(ConnectionResetError()))
    control.control._read(1)
    assert control.calls == ["drain"]


def test_what_is_told_to_the_supervisor_is_one_line(control: ControlRig) -> None:
    control.control.send("failed because\nof this")
    assert control.supervisor.recv(100) == b"failed because of this\n"


CONFIG = ServingConfig(concurrency=1)


def test_a_folder_that_is_no_bundle_cannot_be_created(tmp_path: Path) -> None:
    loader = Loader(str(tmp_path), CONFIG)
    loader.start()
    with pytest.raises(LoadError, match="is not a bundle"):
        loader.created()


def bundle(folder: Path, hook: str) -> Path:
    (folder / "hook.py").write_text(hook)
    spec = {"name": "x", "dtype": "FP64", "shape": [1]}
    document = {
        "schema": 1,
        "name": "small",
        "fingerprint": "7" * 64,
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


ECHO = "def predict(model, inputs):\n    return inputs['x']\n"


@pytest.mark.parametrize("is_early", [True, False])
def test_the_end_of_loading_is_told_whenever_one_asks(tmp_path: Path, is_early: bool) -> None:
    loader = Loader(str(bundle(tmp_path, ECHO)), CONFIG)
    told = threading.Event()
    if is_early:
        loader.then(told.set)
    loader.start()
    loader.created()
    if not is_early:
        while not loader.is_done:
            time.sleep(0.001)
        loader.then(told.set)
    assert told.wait(20)
    assert loader.error is None
    assert loader.seconds > 0


@pytest.mark.parametrize(
    ("error", "said"), [(ZeroDivisionError("by\nzero"), "ZeroDivisionError: by zero"), (EngineError("no\nfile"), "no file")]
)
def test_what_goes_wrong_while_loading_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    loader = Loader(str(bundle(tmp_path, ECHO)), CONFIG)

    def load(_self: object, _engine: object) -> None:
        raise error

    monkeypatch.setattr("mldeploy.handlers.core.Runtime.load", load)
    loader.work()  # on this thread: what it does is the same
    assert str(loader.error) == said
    assert loader.is_done


def test_loading_on_this_thread_tells_who_has_asked(tmp_path: Path) -> None:
    loader = Loader(str(bundle(tmp_path, ECHO)), CONFIG)
    told: list[bool] = []
    loader.then(lambda: told.append(loader.is_done))
    loader.work()
    assert told == [True]
    assert loader.created().is_ready


@pytest.fixture
def kept_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def app(folder: Path, hook: str = ECHO, control: Control | None = None) -> App:
    loader = Loader(str(bundle(folder, hook)), CONFIG)
    loader.work()
    return App(loader, listen.bind("127.0.0.1", 0), None, control)


@pytest.mark.usefixtures("kept_signals")
def test_a_model_that_cannot_be_loaded_ends_with_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    supervisor, near = socket.socketpair()
    with supervisor:
        assert app(tmp_path, "raise OSError('no')", Control(near.detach())).run() == 1
        assert supervisor.recv(1000).startswith(b"failed hook.py:1: OSError: no")
    assert "mldeploy: cannot serve the bundle: hook.py:1" in capfd.readouterr().err


@pytest.mark.usefixtures("kept_signals")
def test_a_hanging_model_ends_the_process_with_75_whatever_its_threads_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung = app(tmp_path)
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    hung._service.pool.stuck = 2
    hung._loop.call_soon(hung._exhausted)
    hung._loop.call_soon(hung.drain)
    hung.run()
    assert left == [75]
    assert not hung._service.runtime.is_ready
    assert hung._service.is_unhealthy
    hung._service.pool.stuck = 0
    hung._loop.close()


@pytest.mark.usefixtures("kept_signals")
def test_the_first_signal_drains_and_the_second_stops(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stopped = app(tmp_path)
    with socket.create_connection(stopped._public.getsockname()) as sock:
        for at_s in (0.1, 0.2):
            threading.Timer(at_s, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert stopped.run() == 0
        assert sock.fileno() >= 0
    assert "small is ready" in capfd.readouterr().err
    for connection in list(stopped._service.connections):
        connection.stream._sock.close()


@pytest.mark.usefixtures("kept_signals")
def test_a_whole_life_in_this_process(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    loader = Loader(str(bundle(tmp_path, "def predict(model, inputs):\n    return inputs['x']\n")), CONFIG)
    loader.start()
    public, private = listen.bind("127.0.0.1", 0), listen.bind("127.0.0.1", 0)
    supervisor, near = socket.socketpair()
    living = App(loader, public, private, Control(near.detach()))
    lines: list[bytes] = []

    def supervise() -> None:
        with supervisor:
            lines.append(supervisor.recv(1000))
            supervisor.sendall(b"accept\naccept\n")
            with socket.create_connection(private.getsockname()) as sock:
                sock.sendall(b"GET /v2/health/ready HTTP/1.0\r\n\r\n")
                lines.append(sock.recv(1000))

    thread = threading.Thread(target=supervise)
    thread.start()
    assert living.run() == 0
    thread.join()
    living._failed(KeyError("x"))
    living.accept()
    living.drain()
    assert lines[0].startswith(b"ready {")
    assert lines[1].startswith(b"HTTP/1.1 200 OK")
    said = capfd.readouterr().err
    assert "small is ready on http://127.0.0.1:" in said
    assert "a bug in the server, which goes on: KeyError" in said


@pytest.mark.usefixtures("kept_signals")
def test_a_closed_standard_error_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_fd: int, _data: bytes) -> int:
        raise BrokenPipeError

    quiet = app(tmp_path)
    monkeypatch.setattr(os, "write", broken)
    quiet._loop.call_later(0.05, quiet.drain)
    assert quiet.run() == 0
