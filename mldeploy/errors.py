"""Every error that mldeploy raises on purpose, and the exit code each one ends in.

    MldeployError          1    the operation failed
    ├── SpecError          2    the spec or the command line is invalid (carries every problem at once)
    ├── ModelError         2    the model file cannot be used as it is
    ├── GateError          3    a check refused the deployment (size, accuracy, budget, provider or credentials)
    ├── ProviderError      3    the provider is unknown, or its SDK or credentials are missing
    ├── LockedError        4    another mldeploy holds this deployment
    ├── SmokeError         5    the smoke test failed and the previous release keeps serving
    └── DeployError        1    the deployment itself failed

130 is an interrupt and 70 a bug; both are decided in `mldeploy.cli`. A message says where and what; the hint says what next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class MldeployError(Exception):
    """Base of all errors with a message for a person.

    `hint` is the next step to take, printed on a line of its own.
    """

    exit_code: int = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a spec: where it stands, what is wrong, and what to do instead.

    `line` and `column` are 1-based; `path` is the dotted key path ("resources.memory_mb"), empty for the document itself.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    fix: str

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class SpecError(MldeployError):
    """The spec (or a flag) is invalid. `problems` holds all of them, in file order."""

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message, hint)
        self.problems = problems


class ModelError(MldeployError):
    """The model file is missing, damaged, refused, or needs something that the runtime lacks."""

    exit_code = 2


class GateError(MldeployError):
    """A check refused to go on; nothing was changed."""

    exit_code = 3


class ProviderError(MldeployError):
    """The provider is unknown, or its SDK or credentials are missing."""

    exit_code = 3


class LockedError(MldeployError):
    """Another process holds this deployment; the message names it and since when."""

    exit_code = 4


class SmokeError(MldeployError):
    """The new release answered its smoke requests wrongly and was not put into service."""

    exit_code = 5


class DeployError(MldeployError):
    """The deployment failed; the message says what still serves."""

    exit_code = 1


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, for "did you mean …?"; None when nothing is near."""
    from difflib import get_close_matches

    folded = {name.lower(): name for name in known}
    found = get_close_matches(word.lower()[:80], folded, n=1, cutoff=0.65)
    return folded[found[0]] if found else None
