from __future__ import annotations

from mldeploy.handlers.server.admission import Admission


def test_so_many_run_so_many_wait_and_the_next_is_refused() -> None:
    admission = Admission(2, 1)
    states = []
    for _ in range(3):
        states.append((admission.is_free, admission.waiting()))
        assert admission.admit()
    assert states == [(True, 0), (True, 0), (False, 0)]
    assert admission.waiting() == 1
    assert not admission.admit()
    admission.release()
    assert admission.admit()


def test_without_a_queue_nobody_waits() -> None:
    admission = Admission(1, 0)
    assert admission.admit()
    assert not admission.admit()


def test_retry_after_grows_with_the_work_ahead_and_stays_within_reason() -> None:
    admission = Admission(2, 100)
    assert admission.retry_after_s() == 1
    assert admission.admit()
    admission.release(3.0)
    assert admission.seconds == 3.0
    for _ in range(4):
        admission.admit()
    assert admission.retry_after_s() == 6
    admission.release(2.0)
    assert 2.0 < admission.seconds < 3.0
    admission.release()
    assert 2.0 < admission.seconds < 3.0
    for _ in range(98):
        admission.admit()
    assert admission.retry_after_s() == 60
