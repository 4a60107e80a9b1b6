"""What a stand-in knows of one type of resource: how its id is formed, what cannot change, what the cloud adds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Scope:
    """The account that everything lies in."""

    project: str = ""
    region: str = ""
    subscription: str = ""
    tenant: str = ""
    registry: str = ""
    """host:port of the registry that images are pushed to"""


@dataclass(frozen=True)
class Kind:
    """`path` is the id with inputs in braces; "{number}" is given by the cloud. `immutable` inputs force a replacement.

    `outputs` are what the cloud adds. With `is_binding` a create of what exists is no error: it is a grant, not a thing.
    """

    path: str
    immutable: tuple[str, ...] = ()
    outputs: Callable[[Scope, str, Inputs], Mapping[str, Any]] = lambda scope, physical_id, inputs: {}
    defaults: Mapping[str, Any] = field(default_factory=dict)
    is_binding: bool = False
    is_service: bool = False
    """Whether an image runs behind it."""


def number(*parts: str, digits: int = 12) -> str:
    """A number that a cloud gives, always the same for the same thing."""
    return str(int(hashlib.sha256("\0".join(parts).encode()).hexdigest(), 16))[:digits]


def guid(*parts: str) -> str:
    """A GUID that a cloud gives, always the same for the same thing."""
    digits = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
