"""Worker threads for predictions that would hold up the event loop, each with a deadline that covers waiting and running.

    submit ─▶ queue ─▶ worker: run(request) ─▶ done(response)                    in time
                 └─ deadline, not begun ─▶ done(None), the worker will skip it    the caller answers 504
                 └─ deadline, running   ─▶ done(None), the result will be dropped
                        └─ still running `stuck_grace_s` later ─▶ stuck: another worker takes its place
                               └─ `max_stuck` of them ─▶ exhausted(): only a new process helps

An answer's account is settled once it is on its way, and dropped when the loop has answered (and booked) a 504 instead.

A thread cannot be killed; the core has the engine stop at the deadline, a hook may not. All methods are called on the
loop's thread; a worker only runs a job and reports back. A job's `ticket` decides who gets it, the worker (to run) or the
loop (to cancel): `list.pop` is atomic.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING

from mldeploy.handlers.message import Request, Response
from mldeploy.handlers.server.admission import Admission
from mldeploy.handlers.server.loop import Loop, Timer

if TYPE_CHECKING:
    from mldeploy.handlers.account import Account

# The engine's own stop at the deadline should be the answer; this is how long the loop lets it go first.
_ENGINE_LEAD_S = 0.05

Run = Callable[[Request], "tuple[Response, Account]"]
Done = Callable[[Response | None], None]


class Job:
    """One prediction in the pool. `done` is None once nobody waits for it."""

    __slots__ = ("done", "is_late", "is_stuck", "request", "ticket", "timer")

    def __init__(self, request: Request, done: Done) -> None:
        self.request: Request | None = request
        self.done: Done | None = done
        self.ticket = [True]
        self.is_late = False  # its time was up before it was done
        self.is_stuck = False
        self.timer: Timer | None = None

    def claim(self) -> Request | None:
        """The request, for the first who asks; None for everyone after."""
        try:
            self.ticket.pop()
        except IndexError:
            return None
        return self.request


class Pool:
    """Runs jobs on at most `admission.concurrency` threads that are not stuck. `stuck` counts those that are."""

    def __init__(
        self, run: Run, admission: Admission, loop: Loop, *, stuck_grace_s: float, exhausted: Callable[[], None]
    ) -> None:
        self._run = run
        self._admission = admission
        self._loop = loop
        self._stuck_grace_s = stuck_grace_s
        self._exhausted = exhausted
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._workers = 0
        self._is_open = False
        self.max_stuck = admission.concurrency + 1
        self.stuck = 0

    @property
    def is_busy(self) -> bool:
        """Whether a worker may be inside a prediction: the process must then not unload code under it."""
        return self._admission.admitted > 0 or self.stuck > 0

    def open(self) -> None:
        """Begin working; what was submitted before has been waiting."""
        self._is_open = True
        for _ in range(min(self._admission.concurrency, self._queue.qsize())):
            self._start_worker()

    def submit(self, request: Request, timeout_s: float, done: Done) -> Job | None:
        """Queue a prediction, or None if there is no place. `done` gets the response, or None when its time is up."""
        if not self._admission.admit():
            return None
        job = Job(request, done)
        left_s = timeout_s - (perf_counter() - request.received_s)
        job.timer = self._loop.call_later(max(0.0, left_s) + _ENGINE_LEAD_S, self._expire, job)
        self._queue.put(job)
        if self._is_open and self._workers < self._admission.concurrency:
            self._start_worker()
        return job

    def abandon(self, job: Job) -> None:
        """Nobody waits for this job any more (its caller has gone); if it has not begun it never will."""
        job.done = None
        if job.claim():
            self._cancel(job)

    def close(self) -> None:
        """Let idle workers end."""
        for _ in range(self._workers):
            self._queue.put(None)
        self._workers = 0

    def _start_worker(self) -> None:
        self._workers += 1
        threading.Thread(target=self._work, name="predict", daemon=True).start()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            request = job.claim()
            if request is None:
                continue
            begin_s = perf_counter()
            response, account = self._run(request)
            self._loop.call_threadsafe(self._finish, job, response, account, perf_counter() - begin_s)
            del job, request, response, account  # hold no body while waiting for the next one

    def _finish(self, job: Job, response: Response, account: Account, seconds: float) -> None:
        if job.timer:
            job.timer.cancel()
        if job.is_stuck:  # it came back after all; its place was filled, so one worker is too many
            self.stuck -= 1
            self._workers -= 1
            self._queue.put(None)
        else:
            self._admission.release(seconds)
        self._tell(job, response)
        self._loop.call_soon(account.drop if job.is_late else account.settle)

    def _expire(self, job: Job) -> None:
        job.is_late = True
        if job.claim():
            self._cancel(job)
        else:
            job.timer = self._loop.call_later(self._stuck_grace_s, self._give_up, job)
        self._tell(job, None)

    def _cancel(self, job: Job) -> None:
        job.request = None
        if job.timer:
            job.timer.cancel()
        self._admission.release()

    def _tell(self, job: Job, response: Response | None) -> None:
        done, job.done, job.request = job.done, None, None
        if done:
            done(response)

    def _give_up(self, job: Job) -> None:
        job.is_stuck = True
        self.stuck += 1
        self._admission.release()
        if self.stuck >= self.max_stuck:
            self._exhausted()
        else:
            self._start_worker()
