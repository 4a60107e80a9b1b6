"""Secrets stay out of the file: `secrets:` holds references, and a value that looks like a secret is refused.

The messages never repeat the value.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from mldeploy.errors import closest
from mldeploy.spec.node import Node, Path

# What issuers put at the start of the secrets they hand out.
_PREFIXES = re.compile(
    r"(?:AKIA|ASIA)[A-Z0-9]{12}|gh[opsur]_[A-Za-z0-9]{16}|github_pat_|glpat-|sk-[A-Za-z0-9]|[sr]k_(?:live|test)_|xox[abprs]-|AIza[\w-]{20}"
    r"|hf_[A-Za-z0-9]{20}|npm_[A-Za-z0-9]{20}|pypi-[A-Za-z0-9]|SG\.[\w-]{10}|ya29\.|eyJ[\w-]{10,}\.|-----BEGIN |AccountKey="
)
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?)(?:_|$)"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.")
_RESOURCE_PATH = re.compile(r"[a-z]+(?:/[^/]+){2,}")
_HEX = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The runtime's own variables (handlers/config.py): what a key of the spec decides, and what `env` may tune.
PREFIX = "MLDEPLOY_"
API_KEY = "MLDEPLOY_API_KEY"
DECIDED = {
    "MLDEPLOY_TIMEOUT_S": "resources.timeout_s",
    "MLDEPLOY_CONCURRENCY": "resources.concurrency",
    "MLDEPLOY_MAX_BODY_BYTES": "the provider's block under clouds",
    "MLDEPLOY_ACCESS": "access",
    "MLDEPLOY_API_KEY": "secrets",
    "MLDEPLOY_STAGE": "the stage (-e)",
}
TUNING = frozenset(
    f"{PREFIX}{name}"
    for name in (
        *("QUEUE", "ENGINE", "THREADS", "POOL", "HEADER_TIMEOUT_S", "BODY_TIMEOUT_S", "IDLE_TIMEOUT_S", "WRITE_TIMEOUT_S"),
        *("MAX_CONNECTIONS", "DRAIN_GRACE_S", "STUCK_GRACE_S"),
    )
)

Finding = tuple[Path, str, str]


def problems(root: Node) -> Iterator[Finding]:
    """What is wrong with `env` and `secrets`."""
    env, secrets = root.map_at("env"), root.map_at("secrets")
    for name in env:
        if name in DECIDED:
            yield ("env", name), "is decided by another key", f"say it with {DECIDED[name]}"
        elif name.startswith(PREFIX) and name not in TUNING:
            yield ("env", name), f"names that start with {PREFIX} belong to the runtime", _other_name(name, TUNING)
    for name in secrets:
        if name.startswith(PREFIX) and name != API_KEY:
            yield ("secrets", name), f"names that start with {PREFIX} belong to the runtime", _other_name(name, {API_KEY})
    for name in env:
        if name in secrets:
            yield (
                ("secrets", name),
                f"is set under env as well (line {env[name].line})",
                "keep it under secrets and delete it from env",
            )
        if is_issued(root.text_at("env", name) or ""):
            yield ("env", name), "looks like a secret, and everyone who reads this file has it", _move(name)
    for name in secrets:
        fault = _fault(root.text_at("secrets", name))
        if fault:
            yield (
                ("secrets", name),
                fault,
                f"write a reference: {name}: env:{name}, or file:PATH; and replace the secret if it got out",
            )


def warnings(root: Node) -> Iterator[Finding]:
    """Variables that are named like secrets but stand in the clear."""
    for name in root.map_at("env"):
        value = root.text_at("env", name)
        if value and _SECRET_NAME.search(name) and not is_issued(value):
            yield ("env", name), "is named like a secret, and env is readable by everyone who sees the deployment", _move(name)


def _other_name(name: str, known: Iterable[str]) -> str:
    meant = closest(name, known)
    return f"did you mean '{meant}'?" if meant else "choose another name"


def is_issued(value: str) -> bool:
    """Whether it starts like a secret of a known issuer."""
    return _PREFIXES.match(value.strip()) is not None


def _move(name: str) -> str:
    return f"move it to secrets as {name}: env:{name}"


def _fault(reference: str | None) -> str | None:
    """Why this is no reference; None when it may be one, or when it is no text (which the types report)."""
    if reference is None:
        return None
    scheme, _, rest = reference.partition(":")
    if not reference.strip():
        return "is empty"
    if is_issued(reference) or is_issued(rest):
        return "looks like the secret itself; a spec holds references only"
    if scheme == "env":
        return None if _ENV_NAME.fullmatch(rest) else "env: is followed by the name of one environment variable"
    if scheme == "file":
        return None if rest.strip() else "file: is followed by a path"
    if re.search(r"\s", reference):
        return "is no reference (a reference has no spaces)"
    if _is_random(reference):
        return "looks like the secret itself; a spec holds references only"
    return None


def _is_random(text: str) -> bool:
    """Whether it looks like generated letters: long, of all kinds, no pattern. Resource paths and URIs are references."""
    if _SCHEME.match(text) or _RESOURCE_PATH.fullmatch(text):
        return False
    if _HEX.fullmatch(text):
        return True
    kinds = sum(bool(re.search(kind, text)) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    return len(text) >= 20 and kinds == 3 and _entropy(text) >= 3.8


def _entropy(text: str) -> float:
    """Shannon entropy, bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
