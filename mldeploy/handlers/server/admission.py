"""Who is worked on, who waits and who is refused: `concurrency` predictions run, `queue` wait, the next one is told to retry.

Used from the event loop's thread only.
"""

from __future__ import annotations

from math import ceil

_MAX_RETRY_AFTER_S = 60


class Admission:
    """Counts predictions. `admitted` are running or waiting; `seconds` is a moving average of how long one runs."""

    __slots__ = ("admitted", "concurrency", "queue", "seconds")

    def __init__(self, concurrency: int, queue: int) -> None:
        self.concurrency = concurrency
        self.queue = queue
        self.admitted = 0
        self.seconds = 0.0

    @property
    def is_free(self) -> bool:
        """Whether a prediction could run at once."""
        return self.admitted < self.concurrency

    def waiting(self) -> int:
        """How many are admitted beyond those that can run."""
        return max(0, self.admitted - self.concurrency)

    def admit(self) -> bool:
        """Take a place, if there is one; every True is paid back with `release`."""
        if self.admitted >= self.concurrency + self.queue:
            return False
        self.admitted += 1
        return True

    def release(self, seconds: float = 0.0) -> None:
        """Give the place back; `seconds` is how long the prediction ran, 0.0 if it did not."""
        self.admitted -= 1
        if seconds:
            self.seconds += (seconds - self.seconds) * (0.2 if self.seconds else 1.0)

    def retry_after_s(self) -> int:
        """Whole seconds until the predictions before a new one should be through."""
        return max(1, min(_MAX_RETRY_AFTER_S, ceil(self.admitted * self.seconds / self.concurrency)))
