"""What `invoke` shows of an answer, and what it says of an error."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from mldeploy.cli import answer as answers
from mldeploy.cli.http_call import Answer, post
from mldeploy.cli.invoke import AnswerError
from mldeploy.cli.log_line import readable
from mldeploy.cli.payload import Payload
from mldeploy.cli.terminal import Terminal
from mldeploy.errors import DeployError
from mldeploy.providers.contract import Endpoint

PLAIN = Terminal(io.StringIO())
HEADERS = {
    "server-timing": "queue;dur=0.1, decode;dur=2.1, infer;dur=9, encode;dur=0.8",
    "x-mldeploy-start": "warm",
    "x-request-id": "7d1f",
    "content-type": "application/json",
}


def answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Answer(status, HEADERS if headers is None else headers, body, 12.3)


def entry(label: str, score: float) -> dict[str, Any]:
    return {"label": label, "index": 1, "score": score}


def test_the_top_classes_have_bars() -> None:
    row = [entry("tiger cat", 0.61), entry("tabby", 0.22), {"index": 9, "score": 0.001}]
    assert list(answers.lines(answer({"model": "cats", "predictions": [row]}), PLAIN)) == [
        "tiger cat  0.61  ██████████████████▎",
        "tabby      0.22  ██████▋",
        "9          0.00",
        "12 ms (queue 0.1, decode 2.1, infer 9.0, encode 0.8) · warm · request 7d1f",
    ]


def test_several_rows_are_numbered_and_many_are_cut() -> None:
    shown = list(answers.lines(answer({"predictions": [[entry("a", 1)]] * 23}), PLAIN))
    assert shown[:3] == ["row 1", "a  1.00  " + "█" * 30, "row 2"]
    assert shown[-2] == "… and 3 more rows (--json shows all)"


def test_labels_cannot_steer_the_terminal_and_do_not_fill_it() -> None:
    first = next(answers.lines(answer({"predictions": [[entry("\x1b[31m" + "x" * 99, 0.0)]]}), PLAIN))
    assert "\x1b" not in first
    assert len(first) < 60


def test_outputs_are_numbers() -> None:
    document = {"model": "m", "outputs": {"y": [[1.23456789, 2], [None, "a\x1b"]], "count": 3}}
    assert list(answers.lines(answer(document, headers={}), PLAIN)) == [
        "y      [1.23457, 2]",
        '       [null, "a\\u001b"]',
        "count  3",
        "12 ms",
    ]


def test_long_outputs_are_cut() -> None:
    shown = list(answers.lines(answer({"outputs": {"y": [[0.5] * 5000] * 30}}, headers={}), PLAIN))
    assert all(len(line) <= 80 for line in shown)
    assert "… and 10 more rows" in shown[-2]


@pytest.mark.parametrize(
    ("document", "kind", "line"),
    [
        ({"answer": 42}, "application/json", '{"answer": 42}'),
        (b"plain", "text/plain", "plain"),
        (b"\x89PNG" * 500, "image/png", "2 kB of image/png"),
        (b"x", "", "1 B of unknown type"),
    ],
)
def test_other_answers(document: Any, kind: str, line: str) -> None:
    assert next(answers.lines(answer(document, headers={"content-type": kind}), PLAIN)) == line


def test_a_problem_says_what_field_and_what_was_expected() -> None:
    document = {
        "title": "The input does not fit the model",
        "detail": "got 3 columns",
        "field": "inputs.x",
        "expected": "64 columns",
    }
    message = answers.problem(answer(document, 422))
    assert message.splitlines() == [
        "422 The input does not fit the model: got 3 columns",
        "field     inputs.x",
        "expected  64 columns",
    ]


@pytest.mark.parametrize("document", [b"<html>Bad gateway</html>", ["a list"], {"no": "title"}])
def test_an_error_that_is_no_problem_document(document: Any) -> None:
    message = answers.problem(answer(document, 502))
    assert message.startswith("502: ")


def test_the_error_carries_the_answer_for_machines() -> None:
    assert AnswerError("no", {"status": 422}).details == {"answer": {"status": 422}}


def test_timings_ignore_what_is_no_number() -> None:
    found = Answer(200, {"server-timing": "cache;desc=hit, infer;dur=3.5, x;dur=abc,"}, b"", 1.0).timings_ms()
    assert found == {"infer": 3.5}
    assert Answer(200, {}, b"not json", 1.0).json() is None


def test_nobody_answers() -> None:
    with pytest.raises(DeployError, match="does not answer"):
        post(Endpoint("http://127.0.0.1:1"), "/predict", Payload(b"{}", "application/json", "x"), 1.0)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain \x1b[31m text", "plain �[31m text"),
        ('{"no": "status"}', '{"no": "status"}'),
        (
            '{"event":"request","ts":"2026-11-21T09:14:03.123Z","level":"info","status":200,"method":"POST","path":"/predict",'
            '"ms_total":12.4,"ms_queue":0.1,"ms_decode":2,"ms_infer":9,"ms_encode":1,"request_id":"7d1f"}',
            "09:14:03  200  POST /predict  12 ms (queue 0.1, decode 2.0, infer 9.0, encode 1.0)  7d1f",
        ),
        ('{"event":"request","status":503,"ts":"odd","ms_total":1}', "odd  503  1.0 ms"),
        ('{"event":"request","status":404,"error":"not-found","ms_total":0}', "404  0.00 ms  not-found"),
        ('{"event":"request","status":"no"}', '{"event":"request","status":"no"}'),
        ('{"event":"loaded","ts":"2026-11-21T09:14:03Z","level":"info","model":"m","ms":31}', "09:14:03  loaded  ms 31"),
        ('{"event":"failed","level":"error","ts":"","traceback":"a\\nb"}', "  failed  \n  a\n  b"),
    ],
)
def test_log_lines(line: str, shown: str) -> None:
    assert readable(line, PLAIN) == shown
