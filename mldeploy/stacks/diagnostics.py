"""Failures of the engine and the clouds, told as cause and fix. The engine's own last words are kept below.

    EngineFailure + Watch.errors ─▶ the cloud's table, then the neutral one ─▶ MldeployError

The first row whose pattern is found wins. What no row knows is shown as the engine said it.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence

from mldeploy import errors
from mldeploy.errors import LockedError, MldeployError
from mldeploy.stacks.automation import EngineFailure
from mldeploy.stacks.cloud import Cause, Cloud
from mldeploy.stacks.events import plain
from mldeploy.stacks.locks import owner_of

_LAST_LINES = 8
_LINE_CHARS = 300

CAUSES = (
    Cause(
        r"incorrect passphrase|passphrase must be set|bad passphrase",
        "the secrets in the record were encrypted with another passphrase",
        "set PULUMI_CONFIG_PASSPHRASE_FILE to the one that this deployment was made with; a key that mldeploy made is in the "
        "state folder, keys/stacks",
        "ProviderError",
    ),
    Cause(
        r"no resource plugin '?(?:pulumi-resource-)?(?P<plugin>[\w-]+)|"
        r"could not find latest version for provider (?P<other>[\w-]+)|"
        r"(?:could not|failed to) (?:automatically )?(?:download|install|load).{0,40}plugin '?(?:pulumi-resource-)?"
        r"(?P<third>[\w-]+)",
        "the engine's plugin {plugin}{other}{third} is not installed and could not be downloaded",
        "pulumi plugin install resource {plugin}{other}{third}, on a machine that reaches get.pulumi.com",
        "ProviderError",
    ),
    Cause(
        r"no space left on device|disk quota exceeded",
        "the disk is full",
        "free some space, or set MLDEPLOY_STATE_DIR to a folder on another disk; then run the same command again",
    ),
    Cause(
        r"PULUMI_ACCESS_TOKEN must be set|invalid access token|could not get current user|pulumi login",
        "Pulumi Cloud does not know who you are",
        "run `pulumi login`, or set PULUMI_ACCESS_TOKEN",
        "ProviderError",
    ),
    Cause(
        r"failed to load checkpoint",
        "the recorded state is damaged",
        "put back the last whole one: .pulumi/stacks/<model>/<stack>.json.bak beside it, in the place that state.backend names",
    ),
    Cause(
        r"unable to open (?:bucket|state directory)|missing \w+ credentials|problem logging in|performing HTTP request|"
        r"\.pulumi/meta\.yaml|failed to (?:load|read) stack",
        "the place that holds the state cannot be reached",
        "look at state.backend (or PULUMI_BACKEND_URL), at the credentials for it and at the network",
        "ProviderError",
    ),
    Cause(
        r"no such host|connection refused|network is unreachable|i/o timeout|TLS handshake timeout|connection reset by peer|"
        r"Temporary failure in name resolution",
        "a connection failed",
        "look at the network and run the same command again; what is there already is kept",
    ),
    Cause(
        r"python inline source runtime error: (?P<words>[^\n]*)",
        "the stack's program failed: {words}",
        "this is a bug in the provider's program; rerun with --debug",
    ),
    Cause(
        r"(?:resource monitor shut down|update canceled|update cancelled)",
        "the update was cancelled before it was done",
        "run the same command again; it goes on from here",
    ),
)


def explained(failure: EngineFailure, said: Sequence[str], cloud: Cloud, doing: str) -> MldeployError:
    """The error for a person. `said` are the diagnostics that came with resources; `doing` is what was tried ("the service
    stack could not be updated")."""
    if failure.is_locked:
        return locked(failure, doing)
    words = "\n".join(said) or plain(failure.text)
    own = _own_words(failure, said)
    for cause in (*cloud.causes, *CAUSES):
        found = re.search(cause.pattern, f"{words}\n{plain(failure.text)}", re.IGNORECASE)
        if found is not None:
            groups = {name: (value or "").strip() for name, value in found.groupdict().items()}
            kind = getattr(errors, cause.error, errors.DeployError)
            return kind(f"{doing}: {_filled(cause.cause, groups)}\n{own}".rstrip(), _filled(cause.fix, groups))
    return errors.DeployError(f"{doing}\n{own}".rstrip(), "mend the cause and run the same command again; it goes on from here")


def locked(failure: EngineFailure, doing: str) -> LockedError:
    """Who holds the engine's lock, since when."""
    owner = owner_of(failure.text)
    who = f"{owner.user} on {owner.host} (process {owner.pid}) since {owner.since}" if owner else "another update"
    return LockedError(
        f"{doing}: it is locked by {who}", "wait until that is done; if it is gone for good: mldeploy unlock --force"
    )


class _Blank(string.Formatter):
    """Fills in named groups; one that a pattern did not have is left out."""

    def get_value(self, key: int | str, args: Sequence[object], kwargs: object) -> object:
        return kwargs.get(str(key), "") if isinstance(kwargs, dict) else ""


def _filled(text: str, groups: dict[str, str]) -> str:
    return _Blank().vformat(text, (), groups)


def _own_words(failure: EngineFailure, said: Sequence[str]) -> str:
    """The end of what the engine said. All of it is in the failure that the error comes from: `--debug` shows that."""
    lines = [line for text in said for line in text.splitlines()] or _error_lines(plain(failure.text).splitlines())
    lines = [line.strip()[:_LINE_CHARS] for line in lines if line.strip()]
    return "\n".join(f"  {line}" for line in dict.fromkeys(lines[-_LAST_LINES:]))


def _error_lines(lines: Iterable[str]) -> list[str]:
    """Those with an error in them; without any, all."""
    every = list(lines)
    return [line for line in every if "error:" in line] or every
