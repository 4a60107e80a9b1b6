"""The log: stamped lines, bounded files, readers that follow over rotations."""

from __future__ import annotations

import re
import shutil
import threading
import time
from pathlib import Path

import pytest

from mldeploy.providers.local import logs
from mldeploy.providers.local.logs import LogWriter, follow, read


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "current.log"


def test_every_line_is_stamped_and_json_is_shown_as_it_is(log: Path) -> None:
    writer = LogWriter(log)
    writer.write(b'one\n{"event": "two"}\n')
    writer.write("drei \u00fc \xff\n".encode("latin-1"))
    writer.close()
    stored = log.read_text(errors="replace").splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", line) for line in stored)
    one, two, three = read(log)
    assert one.endswith("Z one")
    assert two == '{"event": "two"}'
    assert three.endswith("Z drei � �")


def test_the_files_are_bounded(log: Path) -> None:
    writer = LogWriter(log, max_file_bytes=1000)
    for number in range(200):
        writer.write(f"line {number}\n".encode())
    writer.close()
    files = sorted(log.parent.iterdir())
    assert [file.name for file in files] == ["current.log", "current.log.1", "current.log.2"]
    assert all(file.stat().st_size <= 1000 for file in files)
    numbers = [int(line.rpartition(" ")[2]) for line in read(log)]
    assert numbers == list(range(numbers[0], 200)), "oldest first, none missing, none twice"


def test_a_line_longer_than_a_file_is_still_taken(log: Path) -> None:
    writer = LogWriter(log, max_file_bytes=100)
    writer.write(b"x" * 500 + b"\n")
    writer.write(b"y\n")
    writer.close()
    assert [line[-1] for line in read(log)] == ["x", "y"]


def test_a_writer_goes_on_where_another_stopped(log: Path) -> None:
    for text in (b"a\n", b"b\n"):
        writer = LogWriter(log)
        writer.write(text)
        writer.close()
        writer.close()
    assert [line[-1] for line in read(log)] == ["a", "b"]


def test_tail_and_since(log: Path) -> None:
    log.parent.mkdir()
    now = time.time()
    log.write_text("".join(f"{logs.stamp(now - age)} {age} s ago\n" for age in (90, 60, 30, 1)))
    assert [line.split(" ")[1] for line in read(log, tail=2)] == ["30", "1"]
    assert [line.split(" ")[1] for line in read(log, since_s=45)] == ["30", "1"]
    assert read(log, tail=0) == []
    assert [line.split(" ")[1] for line in read(log, since_s=45, tail=1)] == ["1"]


def test_a_log_that_is_not_there_is_empty(log: Path) -> None:
    assert read(log) == []


def test_a_full_disk_drops_lines_and_raises_nothing(log: Path) -> None:
    log.parent.mkdir()
    writer = LogWriter(log)
    writer.write(b"before\n")
    writer.close()
    shutil.rmtree(log.parent)
    log.parent.write_text("a file in place of the folder")
    writer.write(b"lost\n")
    log.parent.unlink()
    writer.write(b"after\n")
    writer.close()
    assert [line[-5:] for line in read(log)] == ["after"]


class Follower:
    """Collects what `follow` yields, in a thread."""

    def __init__(self, log: Path, tail: int | None = None) -> None:
        self.lines: list[str] = []
        self._thread = threading.Thread(target=lambda: self.lines.extend(iter_into(self.lines, log, tail)))
        self._thread.start()

    def wait_for(self, text: str) -> None:
        deadline_s = time.monotonic() + 10
        while not any(line.endswith(text) for line in self.lines):
            assert time.monotonic() < deadline_s, self.lines
            time.sleep(0.005)

    def end(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


def iter_into(lines: list[str], log: Path, tail: int | None) -> list[str]:
    for line in follow(log, tail=tail):
        lines.append(line)  # noqa: PERF402 - a comprehension would only show them at the end
    return []


def test_following_survives_rotations_and_ends_with_the_folder(log: Path) -> None:
    writer = LogWriter(log, max_file_bytes=400)
    for number in range(5):
        writer.write(f"n {number}\n".encode())
    follower = Follower(log, tail=2)
    follower.wait_for("n 4")
    for number in range(5, 60):
        writer.write(f"n {number}\n".encode())
        if number % 5 == 0:  # give it the time to see at least every second file
            follower.wait_for(f"n {number}")
    follower.wait_for("n 59")
    writer.close()
    shutil.rmtree(log.parent)
    follower.end()
    assert [int(line.rpartition(" ")[2]) for line in follower.lines] == list(range(3, 60))


def test_following_waits_for_a_log_to_begin_and_for_a_line_to_end(log: Path) -> None:
    log.parent.mkdir()
    follower = Follower(log)
    time.sleep(0.1)
    with log.open("wb", buffering=0) as file:
        file.write(b"half a l")
        time.sleep(0.15)
        assert follower.lines == []
        file.write(b"ine\n")
        follower.wait_for("half a line")
    shutil.rmtree(log.parent)
    follower.end()


def test_a_rotation_while_opening_shows_no_file_twice(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.parent.mkdir()
    log.write_text("only\n")
    real = logs._open
    opened: list[Path] = []

    def rotate_after_first(path: Path) -> object:
        file = real(path)
        if not opened:
            log.rename(log.with_name("current.log.1"))
        opened.append(path)
        return file

    monkeypatch.setattr(logs, "_open", rotate_after_first)
    assert read(log) == ["only"]
