from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator

import pytest

from mldeploy.handlers.server.loop import READ, Loop


@pytest.fixture
def failures() -> list[BaseException]:
    return []


@pytest.fixture
def loop(failures: list[BaseException]) -> Iterator[Loop]:
    made = Loop(failures.append)
    yield made
    made.close()


def test_calls_run_in_order_of_time(loop: Loop) -> None:
    seen: list[str] = []
    loop.call_later(0.02, seen.append, "late")
    loop.call_later(0.0, seen.append, "early")
    loop.call_later(0.01, seen.append, "never").cancel()
    loop.call_soon(seen.append, "soon")
    loop.call_later(0.03, loop.stop, 7)
    assert loop.run() == 7
    assert seen == ["soon", "early", "late"]


def test_calls_made_by_calls_wait_for_the_next_round(loop: Loop) -> None:
    seen: list[int] = []

    def again(n: int) -> None:
        seen.append(n)
        if n < 3:
            loop.call_soon(again, n + 1)
        else:
            loop.stop(0)

    loop.call_soon(again, 1)
    loop.run()
    assert seen == [1, 2, 3]


def test_another_thread_wakes_it(loop: Loop) -> None:
    thread = threading.Timer(0.02, loop.call_threadsafe, (loop.stop, 3))
    thread.start()
    assert loop.run() == 3
    thread.join()


def test_many_calls_from_threads_fill_no_pipe(loop: Loop) -> None:
    seen: list[int] = []
    for n in range(20000):
        loop.call_threadsafe(seen.append, n)
    loop.call_threadsafe(loop.stop, 0)
    loop.run()
    assert seen == list(range(20000))


def test_a_signal_wakes_it(loop: Loop) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    try:
        loop.on_signals((signal.SIGUSR1,), lambda: loop.stop(5))
        threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        assert loop.run() == 5
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_an_exception_in_a_callback_is_reported_and_survived(loop: Loop, failures: list[BaseException]) -> None:
    near, far = socket.socketpair()

    def ready(_events: int) -> None:
        near.recv(1)
        raise KeyError("from a socket")

    def fail() -> None:
        raise ValueError("from a call")

    with near, far:
        loop.watch(near, READ, ready)
        far.send(b"x")
        loop.call_soon(fail)
        loop.call_later(0.02, loop.stop, 0)
        loop.run()
    assert {type(failure) for failure in failures} == {KeyError, ValueError}


def test_a_closed_loop_ignores_threads_that_come_late() -> None:
    loop = Loop(lambda error: None)
    loop.close()
    loop.call_threadsafe(print)


def test_what_ends_a_round_comes_before_what_was_to_come_soon(loop: Loop) -> None:
    order: list[str] = []

    def first() -> None:
        loop.call_soon(order.append, "soon")
        loop.call_at_end(lambda: order.append("end"))
        loop.call_at_end(lambda: loop.call_at_end(lambda: order.append("end of the end")))
        loop.call_later(0.01, loop.stop, 4)

    loop.call_soon(first)
    assert loop.run() == 4
    assert order == ["end", "end of the end", "soon"]


def test_what_ends_a_round_needs_no_event_to_be_called(loop: Loop) -> None:
    loop.call_at_end(lambda: loop.stop(6))
    assert loop.run() == 6
