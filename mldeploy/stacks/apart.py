"""Runs a program of the SDK's apart from all else in this process: in a thread, context variables and event loops of its own.

The SDK keeps the stack of a program in context variables and takes its event loops from the thread: two runs in one thread see
each other, and a thread whose loop was closed or taken away (`asyncio.run` does that) cannot run a program at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_CALLS = 8  # registrations at once


def apart(function: Callable[P, T], *args: P.args, **keywords: P.kwargs) -> T:
    """What `function` returns. Raises what it raises."""

    def run() -> T:
        with _event_loops():
            return function(*args, **keywords)

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(contextvars.Context().run, run).result()


@contextlib.contextmanager
def _event_loops() -> Iterator[None]:
    """Event loops for this thread and for those that the SDK's calls run on; all are closed, which the SDK would not do."""
    opened: list[asyncio.AbstractEventLoop] = []

    def opens() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        opened.append(loop)

    opens()
    with ThreadPoolExecutor(_CALLS, initializer=opens) as calls:
        opened[0].set_default_executor(calls)
        yield
    for loop in opened:
        loop.close()
