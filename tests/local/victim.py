"""`up` in a process of its own that kills itself at the n-th step with an effect: python victim.py STEP NUMBER SPEC_FOLDER

A step is a call, before it and after it, of anything that starts, tells, records, asks or removes. Not killed, it prints how
many steps there were.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import machine

from mldeploy import state
from mldeploy.providers.local import driver, inbox, pruning, records, supervision

steps = 0


def counted(function: Callable[..., Any], kill_at: int) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        step(kill_at)
        result = function(*args, **kwargs)
        step(kill_at)
        return result

    return wrapper


def step(kill_at: int) -> None:
    global steps
    steps += 1
    if steps == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)


def main(kill_at: int, number: int, home: Path) -> None:
    places: list[tuple[Any, str]] = [
        (state, "make_folder"),
        (state.Lock, "acquire"),
        (records, "write_desired"),
        (supervision, "start"),
        (os, "posix_spawn"),
        (supervision, "end_orphans"),
        (supervision, "await_report"),
        (inbox, "send"),
        (driver, "run_smoke"),
        (pruning, "prune"),
        (Path, "replace"),
        (os, "fsync"),
        (os, "fdopen"),
    ]
    for owner, name in places:
        setattr(owner, name, counted(getattr(owner, name), kill_at))
    machine.up(home, number, env={"VALUE": str(number)}, smoke=[{"inputs": 1}])
    print(steps)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
