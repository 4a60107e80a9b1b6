"""A child is ended in order by the first Ctrl-C, and for good by the second. Real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from mldeploy.stacks.process import Lines, wait

WORKING = "import signal, sys, time; signal.signal(signal.SIGINT, {answer}); print('ready', flush=True); time.sleep(30)"
IN_ORDER = "lambda *_: (print('put away'), sys.exit(3))"
DEAF = "signal.SIG_IGN"


def child(answer: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKING.format(answer=answer)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def press_ctrl_c_when(ready: threading.Event, times: int, pause_s: float) -> threading.Thread:
    def press() -> None:
        ready.wait(20)
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(pause_s)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def test_the_first_ctrl_c_lets_it_put_away_its_things() -> None:
    ready = threading.Event()
    thread = press_ctrl_c_when(ready, 1, 0)
    with child(IN_ORDER) as process:
        lines = Lines(process.stdout, lambda line: ready.set())
        assert wait(process) is True
        assert lines.text() == "ready\nput away"
    assert process.returncode == 3
    thread.join()


def test_the_second_kills_it() -> None:
    ready = threading.Event()
    thread = press_ctrl_c_when(ready, 2, 0.5)
    with child(DEAF) as process:
        Lines(process.stdout, lambda line: ready.set())
        assert wait(process) is True
    assert process.returncode == -signal.SIGKILL
    thread.join()


def test_without_it_there_is_no_interrupt(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE, text=True) as process:
        assert wait(process) is False
