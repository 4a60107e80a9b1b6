"""From an exception to an exit code, a message for a person, and a JSON document for a machine.

    0 ok · 1 failed · 2 invalid · 3 gate refused · 4 locked · 5 smoke failed, rolled back · 70 bug · 130 interrupted

The codes 1 to 5 belong to the tree in `mldeploy.errors`; usage errors are 2; everything unforeseen is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import click

from mldeploy.cli.layout import count, labelled
from mldeploy.cli.terminal import Terminal
from mldeploy.errors import MldeployError, Problem, SpecError

OK, FAILED, INVALID, BUG, INTERRUPTED = 0, 1, 2, 70, 130

MEANINGS = {
    0: "ok",
    1: "failed",
    2: "invalid spec, model file or command line",
    3: "refused: a gate, the provider or its credentials",
    4: "locked by another mldeploy",
    5: "smoke test failed; the previous release keeps serving",
    70: "a bug in mldeploy",
    130: "interrupted",
}


class UsageError(MldeployError):
    """The command line does not say what to do; like click's own usage errors."""

    exit_code = INVALID


class InterruptError(MldeployError):
    """Ctrl-C. The message says what state things are in."""

    exit_code = INTERRUPTED


@dataclass(frozen=True)
class Failure:
    """An exception, ready to be shown."""

    kind: str
    message: str
    hint: str
    exit_code: int
    problems: tuple[Problem, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def describe(error: BaseException) -> Failure:
    """What to tell about `error`, whatever it is."""
    if isinstance(error, MldeployError):
        problems = error.problems if isinstance(error, SpecError) else ()
        message = _problem_count(problems) if problems else error.message
        details = getattr(error, "details", {})
        return Failure(type(error).__name__, message, error.hint or "", error.exit_code, problems, details)
    if isinstance(error, click.UsageError):
        return _usage(error)
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Failure("Interrupted", "interrupted", "", INTERRUPTED)
    if isinstance(error, OSError) and error.strerror:
        return Failure(type(error).__name__, _system(error), "", FAILED)
    text = " ".join(str(error).split())
    return Failure(
        type(error).__name__, f"{type(error).__name__}: {text}".rstrip(": "), "this is a bug, rerun with --debug", BUG
    )


def _problem_count(problems: tuple[Problem, ...]) -> str:
    return f"{count(len(problems), 'problem')}. Nothing was built or deployed."


def _usage(error: click.UsageError) -> Failure:
    command = error.ctx.command_path if error.ctx else "mldeploy"
    message = error.format_message()
    if isinstance(error, click.NoSuchOption):
        close = closest(error.option_name, error.possibilities or ())
        message = f"no such option '{error.option_name}'" + (f"; did you mean '{close}'?" if close else "")
    return Failure("UsageError", message, f"{command} --help", INVALID)


def closest(word: str, known: Iterable[str]) -> str:
    """The name in `known` that `word` was probably meant to be, or "". Verbs are short: half of the letters are enough."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.5)), "")


def _system(error: OSError) -> str:
    """A full disk, a read-only folder, a missing permission: the system's words and the path, which say what to do."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)


def document(failure: Failure) -> dict[str, Any]:
    """The one document that `--json` puts on stdout when a command fails."""
    error = {"type": failure.kind, "message": failure.message, "hint": failure.hint, "exit_code": failure.exit_code}
    return {"error": error, "problems": [asdict(problem) for problem in failure.problems], **failure.details}


def render(failure: Failure, terminal: Terminal) -> list[str]:
    """Lines for a person: every problem with its place and its fix, or what happened and what to do next."""
    if failure.problems:
        return [*problem_lines(failure.problems, terminal), terminal.style(failure.message, "bold")]
    if failure.exit_code == INTERRUPTED:
        return [failure.message]
    lines = labelled("error", failure.message)
    lines[0] = terminal.style("error", "red", "bold") + lines[0][len("error") :]
    if failure.hint:
        lines += labelled("next" if failure.exit_code == BUG or "--help" in failure.hint else "fix", failure.hint)
    return lines


def problem_lines(problems: tuple[Problem, ...], terminal: Terminal) -> list[str]:
    """`file:line:column   key: what is wrong`, and the fix under it, aligned over all problems."""
    width = max(len(problem.where) for problem in problems) + 3
    lines = []
    for problem in problems:
        what = f"{problem.path}: {problem.message}" if problem.path else problem.message
        shown = labelled(problem.where, what, width)
        shown[0] = terminal.style(problem.where, "cyan") + shown[0][len(problem.where) :]
        lines += shown
        if problem.fix:
            lines += [terminal.style(line, "dim") for line in labelled("", problem.fix, width)]
    return lines
