from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from mldeploy.handlers.account import Account
from mldeploy.handlers.message import Request, Response
from mldeploy.handlers.server.admission import Admission
from mldeploy.handlers.server.loop import Loop
from mldeploy.handlers.server.pool import Job, Pool


class Rig:
    """A pool whose predictions last until they are let go, on a loop that is turned by hand."""

    def __init__(self, concurrency: int, queue: int, stuck_grace_s: float) -> None:
        self.loop = Loop(lambda error: pytest.fail(repr(error)))
        self.admission = Admission(concurrency, queue)
        self.exhausted = 0
        self.running: list[str] = []
        self.settled: list[str] = []
        self.dropped: list[str] = []
        self.gates: dict[str, threading.Event] = {}
        self.pool = Pool(self.run, self.admission, self.loop, stuck_grace_s=stuck_grace_s, exhausted=self.exhaust)
        self.results: dict[str, Response | None] = {}

    def exhaust(self) -> None:
        self.exhausted += 1

    def run(self, request: Request) -> tuple[Response, Account]:
        self.running.append(request.path)
        self.gates[request.path].wait(10)
        account = Account(lambda: self.settled.append(request.path), lambda: self.dropped.append(request.path))
        return Response(200, (), request.path.encode()), account

    def submit(self, name: str, timeout_s: float = 5.0) -> Job | None:
        self.gates[name] = threading.Event()
        request = Request("POST", name, "", {}, b"", "", time.perf_counter())
        return self.pool.submit(request, timeout_s, lambda response: self.results.__setitem__(name, response))

    def turn(self, until: Callable[[], object]) -> None:
        for _ in range(1000):
            if until():
                return
            self.loop._result = None
            self.loop.call_later(0.005, self.loop.stop, 0)
            self.loop.run()
        pytest.fail("it never came true")


@pytest.fixture
def rig() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(concurrency: int = 1, queue: int = 2, stuck_grace_s: float = 0.02) -> Rig:
        made.append(Rig(concurrency, queue, stuck_grace_s))
        return made[-1]

    yield make
    for each in made:
        for gate in each.gates.values():
            gate.set()
        each.turn(lambda each=each: not each.pool.is_busy)
        each.pool.close()
        each.loop.close()


def test_predictions_run_in_order_and_no_more_than_allowed(rig: Callable[..., Rig]) -> None:
    one = rig(concurrency=1, queue=2)
    one.pool.open()
    assert all(one.submit(name) for name in "abc")
    assert one.submit("d") is None
    one.turn(lambda: one.running)
    assert (one.running, one.admission.waiting()) == (["a"], 2)
    for gate in one.gates.values():
        gate.set()
    one.turn(lambda: len(one.results) == 3)
    assert one.running == ["a", "b", "c"]
    assert [response and response.body for response in one.results.values()] == [b"a", b"b", b"c"]
    assert one.admission.admitted == 0


def test_as_many_threads_as_allowed(rig: Callable[..., Rig]) -> None:
    before = threading.active_count()  # tests before this one may have left some
    two = rig(concurrency=2, queue=2)
    two.pool.open()
    for name in "abc":
        two.submit(name)
    two.turn(lambda: len(two.running) == 2)
    assert threading.active_count() - before <= 2


def test_before_it_opens_predictions_wait(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.submit("a")
    one.gates["a"].set()
    one.turn(lambda: True)
    assert one.running == []
    one.pool.open()
    one.turn(lambda: one.results)


def test_time_runs_out_while_waiting(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.pool.open()
    one.submit("a")
    one.submit("b", timeout_s=0.01)
    one.turn(lambda: "b" in one.results)
    assert one.results == {"b": None}
    assert one.admission.admitted == 1
    one.gates["a"].set()
    one.gates["b"].set()
    one.turn(lambda: one.settled)
    assert (one.running, one.settled) == (["a"], ["a"])
    assert one.pool.stuck == 0


def test_time_is_counted_from_the_request_not_from_the_queue(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.gates["old"] = threading.Event()
    request = Request("POST", "old", "", {}, b"", "", time.perf_counter() - 60)
    one.pool.submit(request, 30.0, lambda response: one.results.__setitem__("old", response))
    one.turn(lambda: one.results == {"old": None})


def test_a_run_that_ends_late_but_soon_is_dropped(rig: Callable[..., Rig]) -> None:
    one = rig(stuck_grace_s=5.0)
    one.pool.open()
    one.submit("a", timeout_s=0.01)
    one.turn(lambda: one.results == {"a": None})
    assert one.pool.is_busy
    one.gates["a"].set()
    one.turn(lambda: one.dropped)
    assert not one.pool.is_busy
    assert one.results == {"a": None}
    assert (one.settled, one.dropped) == ([], ["a"])  # the 504 was booked when it was given
    assert one.pool.stuck == 0


def test_a_stuck_worker_is_replaced_until_there_are_too_many(rig: Callable[..., Rig]) -> None:
    one = rig(concurrency=1, queue=2)
    one.pool.open()
    one.submit("a", timeout_s=0.01)
    one.turn(lambda: one.pool.stuck == 1)
    assert (one.admission.admitted, one.exhausted) == (0, 0)
    one.submit("b")
    one.gates["b"].set()
    one.turn(lambda: one.results.get("b"))
    one.submit("c", timeout_s=0.01)
    one.turn(lambda: one.exhausted)
    assert one.pool.stuck == one.pool.max_stuck == 2
    assert one.results["c"] is None


def test_a_stuck_worker_that_comes_back_leaves_no_extra_worker(rig: Callable[..., Rig]) -> None:
    one = rig(concurrency=1, queue=2)
    one.pool.open()
    one.submit("a", timeout_s=0.01)
    one.turn(lambda: one.pool.stuck == 1)
    one.gates["a"].set()
    one.turn(lambda: one.pool.stuck == 0)
    assert one.pool._workers == 1
    assert one.admission.admitted == 0
    one.submit("b")
    one.submit("c")
    one.turn(lambda: "b" in one.running)
    time.sleep(0.02)
    assert "c" not in one.running


def test_nobody_runs_what_nobody_waits_for(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.pool.open()
    first, second = one.submit("a"), one.submit("b")
    assert first
    assert second
    one.turn(lambda: one.running)
    one.pool.abandon(second)
    assert one.admission.admitted == 1
    one.pool.abandon(first)
    one.gates["a"].set()
    one.gates["b"].set()
    one.turn(lambda: not one.pool.is_busy)
    assert (one.results, one.running) == ({}, ["a"])
