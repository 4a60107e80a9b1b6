"""From the environment to a loaded runtime.

MLDEPLOY_BUNDLE           the bundle's folder
MLDEPLOY_SECRETS_ARN      one secret, a JSON object of names and values      ─▶ os.environ, before the settings are read
MLDEPLOY_SECRET_REFS      JSON object: name ─▶ ARN of the user's own secret  ─▶ os.environ
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mldeploy.providers.aws.entry.deadline import TimedRuntime


# "At 1,769 MB, a function has the equivalent of one vCPU" (AWS Lambda, Configure memory; read 2026-11).
_CORE_MB = 1769


class InitError(Exception):
    """The function cannot serve; the message is one line that says why and what to do."""


def load(environ: MutableMapping[str, str]) -> TimedRuntime:
    """The runtime, ready. Raises InitError."""
    bundle = environ.get("MLDEPLOY_BUNDLE", "")
    if not bundle:
        raise InitError("MLDEPLOY_BUNDLE is not set: it names the folder of the bundle in the image; deploy with mldeploy up")
    if environ.get("MLDEPLOY_SECRETS_ARN") or environ.get("MLDEPLOY_SECRET_REFS"):
        _fetch_secrets(environ)
    if not environ.get("MLDEPLOY_THREADS"):
        environ["MLDEPLOY_THREADS"] = str(threads(environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")))
    from mldeploy.handlers.config import ConfigError, from_environ

    try:
        config = from_environ(environ)
    except ConfigError as error:
        raise InitError(f"the environment cannot be used: {error}") from None
    from mldeploy.handlers.server.head_start import HeadStart

    ahead = HeadStart(bundle, config)
    ahead.begin()
    from mldeploy.handlers.engines import EngineError
    from mldeploy.handlers.manifest import ManifestError
    from mldeploy.providers.aws.entry.deadline import TimedRuntime

    try:
        runtime = TimedRuntime(bundle, config)
        runtime.load(ahead.engine())
    except (EngineError, ManifestError) as error:
        raise InitError(f"the model cannot be served: {_line(error)}") from error
    except BaseException as error:  # a hook can raise anything while it is imported, SystemExit too
        raise InitError(f"the model cannot be served: {type(error).__name__}: {_line(error)}") from error
    return runtime


def threads(memory_mb: str) -> int:
    """The cores that a function of this size is given; 0, all that can be seen, where its size is unknown.

    Lambda shows two cores to the smallest function and grants it a share of one: a second thread would only take turns.
    """
    return max(1, round(int(memory_mb) / _CORE_MB)) if memory_mb.isdecimal() else 0


def _fetch_secrets(environ: MutableMapping[str, str]) -> None:
    from mldeploy.providers.aws.entry.secrets import SecretError, fetch

    try:
        environ.update(fetch(environ))
    except SecretError as error:
        raise InitError(str(error)) from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
