"""A thread for predictions that nothing can stop: the user's own code.

answer ─▶ job ─▶ thread: runtime.answer ─▶ claimed first by the thread:  the response
             └─ the time is up          ─▶ claimed first by the waiting: None, and the thread is left behind
"""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from mldeploy.handlers.message import Request, Response

if TYPE_CHECKING:
    from mldeploy.handlers.account import Account
    from mldeploy.providers.aws.entry.deadline import TimedRuntime


class _Job:
    """One prediction; whoever claims it first, the worker (done) or the waiting one (too late), has its account."""

    __slots__ = ("_ticket", "answers", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.answers: SimpleQueue[tuple[Response, Account]] = SimpleQueue()
        self._ticket = [True]

    def is_claimed(self) -> bool:
        """Claim; False for who comes second. `list.pop` is atomic."""
        try:
            return self._ticket.pop()
        except IndexError:
            return False


class Worker:
    """A thread that answers one job after the other, until one of them is too late."""

    def __init__(self, runtime: TimedRuntime) -> None:
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._runtime = runtime
        threading.Thread(target=self._work, name="predict", daemon=True).start()

    def answer(self, request: Request, timeout_s: float) -> Response | None:
        """The answer, booked; None past the time: this worker is then not to be asked again."""
        job = _Job(request)
        self._jobs.put(job)
        try:
            response, account = job.answers.get(timeout=max(0.0, timeout_s))
        except Empty:
            if job.is_claimed():
                return None
            response, account = job.answers.get()  # it came in just now
        account.settle()
        return response

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            response, account = self._runtime.answer(job.request)
            if not job.is_claimed():
                account.drop()
                self._runtime.stuck -= 1
                return
            job.answers.put((response, account))
            del job, response, account  # hold no body while waiting for the next one
