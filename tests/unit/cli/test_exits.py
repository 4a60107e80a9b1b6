"""The table of exit codes, and what is said about each kind of failure."""

from __future__ import annotations

import errno
import io
import json

import click
import pytest

from mldeploy import errors
from mldeploy.cli import exits
from mldeploy.cli.terminal import Terminal
from mldeploy.errors import Problem, SpecError

PLAIN = Terminal(io.StringIO())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.MldeployError("x"), 1),
        (errors.DeployError("x"), 1),
        (OSError(errno.ENOSPC, "No space left on device", "/there"), 1),
        (errors.SpecError("x"), 2),
        (errors.ModelError("x"), 2),
        (exits.UsageError("x"), 2),
        (click.UsageError("x"), 2),
        (click.BadParameter("x"), 2),
        (errors.GateError("x"), 3),
        (errors.ProviderError("x"), 3),
        (errors.LockedError("x"), 4),
        (errors.SmokeError("x"), 5),
        (ZeroDivisionError("x"), 70),
        (AssertionError(), 70),
        (exits.InterruptError("x"), 130),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
)
def test_exit_code(error: BaseException, code: int) -> None:
    failure = exits.describe(error)
    assert failure.exit_code == code
    assert code in exits.MEANINGS
    assert exits.document(failure)["error"]["exit_code"] == code


def test_every_error_of_the_tree_has_a_documented_code() -> None:
    found, todo = set(), [errors.MldeployError]
    while todo:
        kind = todo.pop()
        found.add(kind.exit_code)
        todo += kind.__subclasses__()
    assert found <= set(exits.MEANINGS)
    assert {1, 2, 3, 4, 5} <= found


def test_all_problems_are_shown_aligned_with_their_fixes() -> None:
    problems = (
        Problem("mldeploy.yaml", 9, 3, "resources.memory_mb", "12000 is above AWS Lambda's 10240 MB", "lower it"),
        Problem("mldeploy.yaml", 21, 1, "", "the document is empty", ""),
    )
    failure = exits.describe(SpecError("invalid", problems=problems))
    assert exits.render(failure, PLAIN) == [
        "mldeploy.yaml:9:3    resources.memory_mb: 12000 is above AWS Lambda's 10240 MB",
        "                     lower it",
        "mldeploy.yaml:21:1   the document is empty",
        "2 problems. Nothing was built or deployed.",
    ]
    document = exits.document(failure)
    assert document["problems"][0] == {
        "file": "mldeploy.yaml",
        "line": 9,
        "column": 3,
        "path": "resources.memory_mb",
        "message": "12000 is above AWS Lambda's 10240 MB",
        "fix": "lower it",
    }
    assert json.loads(json.dumps(document)) == document


def test_where_what_and_what_next() -> None:
    failure = exits.describe(errors.DeployError("port 8080 is taken\nby another program", "choose --port"))
    assert exits.render(failure, PLAIN) == [
        "error     port 8080 is taken",
        "          by another program",
        "fix       choose --port",
    ]


def test_colour_does_not_move_the_text() -> None:
    colored = exits.render(exits.describe(errors.DeployError("no")), Terminal(io.StringIO(), color=True))
    assert colored == ["\x1b[31;1merror\x1b[0m     no"]


def test_a_bug_is_one_line_and_says_so() -> None:
    failure = exits.describe(ZeroDivisionError("division\nby zero"))
    assert exits.render(failure, PLAIN) == [
        "error     ZeroDivisionError: division by zero",
        "next      this is a bug, rerun with --debug",
    ]
    assert exits.describe(AssertionError()).message == "AssertionError"


def test_a_system_error_names_the_path() -> None:
    assert exits.describe(PermissionError(errno.EACCES, "Permission denied", "/there")).message == "/there: Permission denied"
    assert exits.describe(OSError(errno.EIO, "Input/output error")).message == "Input/output error"


def test_an_interrupt_is_one_plain_line() -> None:
    failure = exits.describe(exits.InterruptError("interrupted during serve; digits is serving"))
    assert exits.render(failure, PLAIN) == ["interrupted during serve; digits is serving"]


@pytest.mark.parametrize(("word", "meant"), [("uo", "up"), ("valdate", "validate"), ("destory", "destroy"), ("zzzzzz", "")])
def test_closest(word: str, meant: str) -> None:
    assert exits.closest(word, ["up", "validate", "destroy", "outputs"]) == meant
