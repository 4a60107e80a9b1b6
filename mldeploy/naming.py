"""Physical names: legal at the platform, the same on every run, and never the same for two different deployments.

    physical(Rule, "digits", "dev")               digits-dev
    physical(Rule, "digits", "dev", "schedule")   digits-dev-schedule-4c1f02
    physical(Rule(max=24, ...), …)                the readable part is cut, the digest stays

The plain form is only used where no other (model, stage, part) can give it: a stage without "-", no part, nothing cut or left
out. Everything else ends in six hex digits of a digest that begins with a decimal digit, which no stage does.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_DIGEST_CHARS = 6


@dataclass(frozen=True)
class Rule:
    """What a platform takes as the name of one kind of resource.

    `max_chars` bounds it; `has_hyphens` is False where only letters and digits may be used. A name always begins with a letter.
    With `is_global` it must be unique in the world, so that it always carries a digest over `scope` (account, subscription).
    """

    max_chars: int
    has_hyphens: bool = True
    is_global: bool = False


def physical(rule: Rule, model: str, stage: str, part: str = "", scope: str = "") -> str:
    """The name of this deployment's resource. `part` tells several resources of one kind apart. Raises ValueError when the
    rule leaves no room for a readable letter and the digest."""
    readable = "-".join(piece for piece in (model, stage, part) if piece)
    shown = readable if rule.has_hyphens else re.sub(r"[^a-z0-9]", "", readable)
    is_plain = not (part or rule.is_global or "-" in stage or shown != readable or len(shown) > rule.max_chars)
    if is_plain:
        return shown
    room = rule.max_chars - _DIGEST_CHARS - rule.has_hyphens
    if room < 1:
        raise ValueError(f"{rule.max_chars} characters are too few for a name")
    return shown[:room].rstrip("-") + ("-" if rule.has_hyphens else "") + _digest(model, stage, part, scope)


def _digest(*parts: str) -> str:
    """Six hex digits, the first of them decimal."""
    digits = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return str(int(digits[0], 16) % 10) + digits[1:_DIGEST_CHARS]
