"""The thread that stops runs: who is stopped, who is not, and that it sleeps and ends."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable

import pytest

from mldeploy.handlers.engines import EngineError, watchdog
from mldeploy.handlers.engines.watchdog import Watchdog


def wait_for(condition: Callable[[], bool]) -> None:
    """Until `condition` holds; far longer than it should take is a failure."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture(autouse=True, params=["bare", "traced"])
def _threads(request: pytest.FixtureRequest) -> None:
    if request.param == "traced":
        request.getfixturevalue("traced_threads")


class Stops:
    """Counts the calls of a run's stop."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.changed = threading.Event()

    def __call__(self, run: str) -> None:
        self.calls[run] = self.calls.get(run, 0) + 1
        self.changed.set()


def test_only_the_run_past_its_time_is_stopped_and_once() -> None:
    stops = Stops()
    dog: Watchdog[str] = Watchdog(stops)
    dog.watch("long", 60)
    dog.watch("short", 0.01)
    dog.watch("done", 0.01)
    was_stopped = dog.unwatch("done")
    assert stops.changed.wait(10)
    assert dog.unwatch("short")
    assert not dog.unwatch("long")
    time.sleep(0.05)
    dog.close()
    assert {run: calls for run, calls in stops.calls.items() if run != "done"} == {"short": 1}
    assert was_stopped == ("done" in stops.calls)


def test_a_later_shorter_limit_wakes_the_thread() -> None:
    stops = Stops()
    dog: Watchdog[str] = Watchdog(stops)
    for limit in (60, 50, 40, 0.02):
        dog.watch(str(limit), limit)
        time.sleep(0.005)
    assert stops.changed.wait(10)
    dog.close()
    assert stops.calls == {"0.02": 1}


def test_runs_that_end_in_time_wake_it_at_most_once_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    dog: Watchdog[int] = Watchdog(lambda run: None)
    rouses: list[int] = []
    rouse = dog._rouse
    monkeypatch.setattr(dog, "_rouse", lambda: (rouses.append(1), rouse()))
    dog.watch(0, 100)
    while dog._wakes_at == float("inf"):
        time.sleep(0.001)
    started = len(rouses)
    for run in range(1, 1000):
        dog.watch(run, 100)
        assert not dog.unwatch(run)
    assert len(rouses) == started
    dog.close()


def test_no_thread_without_a_limit_and_none_after_close() -> None:
    before = _thread._count()
    dog: Watchdog[str] = Watchdog(lambda run: None)
    dog.close()
    assert _thread._count() == before
    dog = Watchdog(lambda run: None)
    dog.watch("forever", float("inf"))
    assert _thread._count() == before
    for run in ("very long", "very long as well", "third"):
        dog.watch(run, 1e12)
    dog.close()
    dog.close()
    dog.watch("too late", 0.001)
    assert not dog.unwatch("too late")
    wait_for(lambda: _thread._count() == before)


def test_runs_at_once_share_one_thread() -> None:
    before, stops = _thread._count(), Stops()
    dog: Watchdog[str] = Watchdog(stops)
    for run in "abcdefgh":
        dog.watch(run, 0.05)
    wait_for(lambda: _thread._count() == before + 1)
    wait_for(lambda: stops.calls == dict.fromkeys("abcdefgh", 1))
    dog.close()


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_no_thread_is_an_error_and_the_next_run_tries_again(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*arguments: object) -> int:
        raise error

    stops = Stops()
    dog: Watchdog[str] = Watchdog(stops)
    with monkeypatch.context() as patch:
        patch.setattr(watchdog, "start_new_thread", fail)
        with pytest.raises(EngineError, match="a run with a time limit needs a thread"):
            dog.watch("a", 0.01)
        patch.setattr(watchdog, "start_new_thread", lambda *arguments: 0)  # the thread dies before its first step
        dog.watch("b", 0.01)
    dog.watch("c", 0.01)
    wait_for(lambda: stops.calls == {"b": 1, "c": 1})
    dog.close()


def test_too_little_memory_to_stop_a_run_is_tried_again() -> None:
    tries: list[str] = []

    def stop(run: str) -> None:
        tries.append(run)
        if len(tries) < 3:
            raise MemoryError

    dog: Watchdog[str] = Watchdog(stop)
    dog.watch("a", 0.01)
    wait_for(lambda: len(tries) == 3)
    assert dog.unwatch("a")
    dog.close()
