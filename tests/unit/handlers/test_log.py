"""The log: one line a request whatever is in it, and never in the way of serving."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.handlers import log as log_module
from mldeploy.handlers.log import MAX_LINE_BYTES, Log, clean, traceback_text


def _written(folder: Path, level: str, fields: dict[str, Any]) -> bytes:
    path = folder / "log"
    with path.open("wb") as file:
        Log({"model": "digits", "stage": "dev"}, file.fileno()).line(level, fields)
    return path.read_bytes()


def test_a_line_says_when_what_and_where(tmp_path: Path) -> None:
    line = json.loads(_written(tmp_path, "info", {"event": "request", "status": 200}))
    assert list(line) == ["ts", "level", "model", "stage", "event", "status"]
    assert line["level"] == "info"
    assert line["ts"].endswith("Z")
    assert len(line["ts"]) == len("2026-11-21T09:39:29.526Z")


@given(text=st.text(max_size=400))
def test_text_from_outside_stays_on_its_line(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    data = _written(tmp_path_factory.mktemp("log"), "info", {"path": clean(text)})
    assert len(data.decode("ascii").splitlines()) == 1
    assert data.endswith(b"\n")
    assert b"\x1b" not in data
    assert len(json.loads(data)["path"]) <= 256


def test_a_long_line_is_cut_to_what_a_pipe_takes_at_once(tmp_path: Path) -> None:
    for text in ("x" * 3000, '"' * 3000, "\x00" * 3000):
        data = _written(tmp_path, "error", {"path": text, "status": 500, "traceback": text})
        assert len(data) <= MAX_LINE_BYTES
        assert json.loads(data)["status"] == 500


def test_an_event_belongs_to_no_request(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        Log({"model": "digits"}, file.fileno()).event("warning", "warm-up refused", detail="x")
    assert json.loads(path.read_bytes())["event"] == "warm-up refused"


def test_a_full_pipe_drops_lines_instead_of_blocking() -> None:
    reader, writer = os.pipe()
    log = Log({"model": "digits"}, writer)
    for _ in range(3000):
        log.line("info", {"padding": "x" * 100})
    assert log.dropped > 0
    assert log.dropped < 3000
    os.read(reader, 65536)
    dropped = log.dropped
    log.line("info", {"status": 200})
    assert log.dropped == dropped
    os.close(reader)
    os.close(writer)


def test_a_reader_that_has_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    log = Log({"model": "digits"}, writer)
    log.line("info", {})
    os.close(writer)
    assert log.dropped == 1


def test_a_closed_output_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    log = Log({"model": "digits"}, writer)
    log.line("info", {})
    assert log.dropped == 1


def test_a_full_disk_is_no_error() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        log = Log({"model": "digits"}, full.fileno())
        log.line("info", {})
    assert log.dropped == 1


def test_a_line_that_was_cut_short_counts_as_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module.os, "write", lambda fd, data: len(data) - 1)
    with (tmp_path / "log").open("wb") as file:
        log = Log({"model": "digits"}, file.fileno())
        log.line("info", {})
    assert log.dropped == 1


def test_a_socket_will_do() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Log({"model": "digits"}, ours.fileno()).line("info", {"status": 200})
        assert json.loads(theirs.recv(4096))["status"] == 200


def test_a_value_that_is_no_json_is_dropped_not_raised(tmp_path: Path) -> None:
    assert _written(tmp_path, "info", {"what": object()}) == b""


def test_a_traceback_keeps_its_end() -> None:
    def recurse(depth: int) -> None:
        if depth == 0:
            raise ValueError("the reason ✗")
        try:
            recurse(depth - 1)
        except (ValueError, KeyError) as error:
            raise KeyError(depth) from error

    try:
        recurse(40)
    except KeyError as error:
        text = traceback_text(error)
    assert len(text) == 2500
    assert text.endswith("KeyError: 40\n")
    assert text.isascii()


def test_an_error_that_cannot_be_printed_is_named_at_least() -> None:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise SystemExit

    assert "Silent" in traceback_text(SilentError())
