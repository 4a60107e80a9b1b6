"""Pushing: an image of the local engine ─▶ the registry, layer by layer; only what is missing there travels.

A connection that is cut is tried once more; what has arrived stays there, so that a later run goes on. After the push the
registry itself is asked for the digest, which is what everything downstream uses.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mldeploy.errors import DeployError, GateError, MldeployError, ProviderError
from mldeploy.image import gates, registry
from mldeploy.image.contract import BuiltImage, Destination, ImageRef
from mldeploy.image.engine import Engine
from mldeploy.progress import Reporter, Step

MB = 1_000_000
RETRY_AFTER_S = 2.0
_CUT = re.compile(
    r"EOF|connection reset|broken pipe|connection refused|i/o timeout|TLS handshake timeout|use of closed|\b50[0234]\b", re.I
)
# What a registry says -> the error, its cause, and what to do.
_REFUSALS: tuple[tuple[str, type[MldeployError], str, str], ...] = (
    (
        r"name unknown|repository .*(not found|does not exist)|NAME_UNKNOWN|RepositoryNotFound",
        DeployError, "the registry has no such repository", "run mldeploy up again: it makes the repository first",
    ),
    (
        r"quota|limit exceeded|toomanyrequests|insufficient storage|too large|\b413\b",
        ProviderError, "the registry has no room for it, or limits how much may be pushed",
        "remove old images there, ask for a higher quota, or wait; then run again",
    ),
    (
        r"denied|unauthorized|authentication required|no basic auth|\b403\b|forbidden",
        ProviderError, "the registry refuses the push", "look at the credentials of this cloud and at the right to push there",
    ),
    (
        r"tag.*(immutable|already exists)|ImageTagAlreadyExists",
        GateError, "the tag is another image's there and may not change", "remove that image in the registry, then run again",
    ),
    (
        r"server gave HTTP response to HTTPS client|certificate|x509",
        ProviderError, "the engine does not trust the registry's connection", "give the engine the registry's certificate",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Pushed:
    """What a push did: how many layers travelled, and how many the registry had."""

    sent: int
    present: int


def push(
    engine: Engine, built: BuiltImage, destination: Destination, report: Reporter, sleep: Callable[[float], None] = time.sleep
) -> ImageRef:
    """Push and verify. Raises ProviderError (refused), GateError (not one manifest) or DeployError."""
    auth = {"username": destination.username, "password": destination.password} if destination.username else None
    with report.step("push", f"to {destination.repository}") as step:
        engine.tag(built.image_id, destination.repository, built.tag)
        try:
            done = _with_retry(lambda: follow(engine.push(destination.repository, built.tag, auth), step), step, sleep)
        finally:
            engine.untag(f"{destination.repository}:{built.tag}")
        ref = verified(destination, built.tag)
        step.done(f"{ref.digest[7:19]} · {done.sent} layer{'s' if done.sent != 1 else ''} sent, {done.present} already there")
    return ref


def verified(destination: Destination, tag: str) -> ImageRef:
    """The pushed image by its digest, as the registry has it. Raises DeployError or GateError."""
    found = registry.manifest(destination, tag)
    if found is None:
        raise DeployError(
            f"{destination.repository} has no {tag} after the push", "another process may have removed it: run again"
        )
    gates.check_single(found.media_type, f"{destination.repository}:{tag}")
    return ImageRef(destination.repository, tag, found.digest)


def _with_retry(attempt: Callable[[], Pushed], step: Step, sleep: Callable[[float], None]) -> Pushed:
    try:
        return attempt()
    except ConnectionCut as error:
        step.update(f"the connection was cut ({error.words[:60]}); once more")
        sleep(RETRY_AFTER_S)
    try:
        return attempt()
    except ConnectionCut as error:
        raise DeployError(
            f"the connection to the registry was cut twice: {error.words[:300]}",
            "run again: what has arrived stays there, and only the rest is sent",
        ) from error


class ConnectionCut(Exception):
    """The push ended in the middle; the words are the engine's."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def follow(messages: Iterable[dict[str, Any]], step: Step) -> Pushed:
    """Show a push's progress by layer. Raises ConnectionCut, or the error that the registry's words mean."""
    states: dict[str, str] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for message in messages:
        if "error" in message:
            raise refusal(str(message["error"]))
        layer, status = str(message.get("id", "")), str(message.get("status", ""))
        if not layer or status.startswith("The push refers"):
            continue
        states[layer] = status
        detail = message.get("progressDetail") or {}
        if "total" in detail:
            sizes[layer] = (int(detail.get("current", 0)), int(detail["total"]))
        step.update(_progress(states, sizes))
    done = [state for state in states.values() if _is_sent(state) or _is_present(state)]
    return Pushed(sum(map(_is_sent, done)), sum(map(_is_present, done)))


def refusal(words: str) -> Exception:
    """What the registry's words mean."""
    for pattern, kind, cause, fix in _REFUSALS:
        if re.search(pattern, words, re.IGNORECASE):
            return kind(f"{cause}: {words.strip()[:300]}", fix)
    if _CUT.search(words):
        return ConnectionCut(words.strip())
    return DeployError(f"the image cannot be pushed: {words.strip()[:300]}", "run again; what has arrived stays there")


def _is_sent(state: str) -> bool:
    return state == "Pushed"


def _is_present(state: str) -> bool:
    return state.startswith(("Layer already exists", "Mounted from"))


def _progress(states: dict[str, str], sizes: dict[str, tuple[int, int]]) -> str:
    ready = sum(1 for state in states.values() if _is_sent(state) or _is_present(state))
    sent, total = (sum(column) for column in zip(*sizes.values(), strict=True)) if sizes else (0, 0)
    amount = f" · {min(sent, total) / MB:.0f} of {total / MB:.0f} MB" if total else ""
    return f"{ready} of {len(states)} layers{amount}"
