"""The runtime with Lambda's clock."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest

from mldeploy.handlers.message import Request, Response
from mldeploy.providers.aws.entry import deadline
from mldeploy.providers.aws.entry.deadline import MARGIN_S, TimedRuntime

Runtimes = Callable[..., TimedRuntime]
RIGHT = Request("POST", "/predict", "", {"content-type": "application/json"}, b'{"inputs": [[1, 2, 3]]}')


def given_s(runtime: TimedRuntime) -> float | None:
    """How long the engine is given for the next request."""
    seen: list[float | None] = []
    engine = runtime._engine
    run = engine._run  # type: ignore[union-attr]

    def spy(inputs: object, timeout_s: float | None = None) -> object:
        seen.append(timeout_s)
        return run(inputs, timeout_s)

    engine._run = spy  # type: ignore[union-attr]
    assert runtime.handle(RIGHT).status == 200
    engine._run = run  # type: ignore[union-attr]
    return seen[0]


def test_the_shorter_time_counts(runtime: Runtimes) -> None:
    one = runtime("plain", timeout_s=5.0)
    assert given_s(one) == pytest.approx(5.0, abs=0.1)
    one.begin(60_000)
    assert given_s(one) == pytest.approx(5.0, abs=0.1)
    one.begin(3_000)
    assert given_s(one) == pytest.approx(3.0 - MARGIN_S, abs=0.1)


def test_no_time_at_all(runtime: Runtimes) -> None:
    one = runtime("plain")
    one.begin(MARGIN_S * 1000)
    assert one.handle(RIGHT).status == 504
    one.begin(30_000)
    assert one.handle(RIGHT).status == 200


def test_before_the_first_invocation_there_is_no_deadline(runtime: Runtimes) -> None:
    assert runtime("plain").left_s == inf


@pytest.fixture
def hangs(folder: Callable[[str], Path], tmp_path: Path) -> tuple[Path, threading.Event]:
    """A bundle whose hook waits for an event when asked for "slow"."""
    target = tmp_path / "hangs"
    target.mkdir()
    for path in folder("hooked").iterdir():
        if path.is_file():
            (target / path.name).write_bytes(path.read_bytes())
    (target / "hook.py").write_text(
        "import threading\nimport numpy as np\n\ngate = threading.hangs_gate\n\n\ndef preprocess(inputs):\n"
        "    if inputs == 'slow':\n        gate.wait(20)\n    return {'x': np.array([[1, 2, 3]], np.float32)}\n"
    )
    gate = threading.hangs_gate = threading.Event()  # type: ignore[attr-defined]
    return target, gate


def asked(runtime: TimedRuntime, text: str) -> Response:
    return runtime.handle(RIGHT._replace(body=json.dumps({"inputs": text}).encode()))


def test_a_hook_is_left_behind(runtime: Runtimes, hangs: tuple[Path, threading.Event]) -> None:
    bundle, gate = hangs
    one = runtime(bundle, timeout_s=0.3)
    assert asked(one, "fast").status == 200
    late = asked(one, "slow")
    assert late.status == 504
    assert json.loads(late.body)["detail"] == "there was no answer within 0.3 s"
    assert one.stuck == 1
    assert asked(one, "fast").status == 200
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "predict" and thread is not one._worker:
            thread.join(0.5)
    assert one.stuck == 0  # it came back: nothing is left behind any more
    text = one.metrics.text({}, True, 0)
    assert b'status="504"} 1' in text
    assert one.lines().count('"event":"request"') == 3  # type: ignore[attr-defined]


def test_the_third_one_ends_the_process(
    runtime: Runtimes, hangs: tuple[Path, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, gate = hangs
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    one = runtime(bundle, timeout_s=0.1)
    for _ in range(deadline.MAX_STUCK):
        assert codes == []
        assert asked(one, "slow").status == 504
    assert codes == [deadline.EXIT_STUCK]
    gate.set()


def test_other_routes_need_no_thread(runtime: Runtimes) -> None:
    one = runtime("hooked")
    assert one.handle(Request("GET", "/v2", "", {}, b"")).status == 200
    assert one._worker is None
