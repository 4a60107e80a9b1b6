"""When a crashed release is started again. Pure: times are arguments.

crash 1 ─0.1 s─ crash 2 ─0.2 s─ crash 3 ─0.4 s─ … ─30 s─ …        `crash_loop_after` of them in a row are a crash loop
"""

from __future__ import annotations

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 30.0
STABLE_S = 30.0  # a release that served this long starts its count anew


class Restarts:
    """The crashes of one release. Times are monotonic seconds."""

    def __init__(self, crash_loop_after: int) -> None:
        self.total = 0
        self._in_a_row = 0
        self._crash_loop_after = crash_loop_after

    def crashed(self, now_s: float, serving_since_s: float | None) -> float:
        """Count a crash; returns when to start again. `serving_since_s` is None when it had not come into service."""
        if serving_since_s is not None and now_s - serving_since_s >= STABLE_S:
            self._in_a_row = 0
        self.total += 1
        self._in_a_row += 1
        return now_s + min(FIRST_DELAY_S * 2.0 ** min(self._in_a_row - 1, 20), LONGEST_DELAY_S)

    def is_failing(self, now_s: float, serving_since_s: float | None) -> bool:
        """Whether this is a crash loop. One that has served for STABLE_S since is not."""
        has_recovered = serving_since_s is not None and now_s - serving_since_s >= STABLE_S
        return self._in_a_row >= self._crash_loop_after and not has_recovered
