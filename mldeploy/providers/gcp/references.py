"""What a secret of the spec refers to. Pure: a reference is read, never followed.

env:NAME · file:PATH · (nothing: env of the same name)   a value that `up` puts into a secret of the deployment's own
secretmanager:NAME[@VERSION]                             a secret of the same project that somebody else keeps
secretmanager:projects/P/secrets/NAME[/versions/V]       the same, of any project
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

KEY_NAME = "MLDEPLOY_API_KEY"
GENERATED_KEY = "generated:key"
SCHEME = "secretmanager:"
LATEST = "latest"

_SHORT = re.compile(r"^(?P<secret>[A-Za-z0-9_-]{1,255})(@(?P<version>[0-9]+|latest))?$")
_FULL = re.compile(
    r"^projects/(?P<project>[a-z0-9.:-]+)/secrets/(?P<secret>[A-Za-z0-9_-]{1,255})(/versions/(?P<version>[0-9]+|latest))?$"
)


class SecretRef(NamedTuple):
    """A secret that somebody else keeps; an empty project is the deployment's own."""

    project: str
    secret: str
    version: str


def is_managed(reference: str) -> bool:
    """Whether `up` puts the value into a secret of the deployment's own."""
    scheme, _, rest = reference.partition(":")
    return reference == GENERATED_KEY or (scheme in ("env", "file") and rest.strip() != "")


def parse(reference: str) -> SecretRef | None:
    """The Secret Manager secret that is meant; None when the reference is none of this cloud's."""
    if not reference.startswith(SCHEME):
        return None
    found = _SHORT.match(reference.removeprefix(SCHEME)) or _FULL.match(reference.removeprefix(SCHEME))
    if found is None:
        return None
    parts = found.groupdict()
    return SecretRef(parts.get("project") or "", parts["secret"], parts["version"] or LATEST)


def absolute(reference: str, folder: Path) -> str:
    """The reference with a relative file path resolved against `folder`, so that it means the same from everywhere."""
    scheme, _, rest = reference.partition(":")
    return f"file:{(folder / Path(rest).expanduser()).absolute()}" if scheme == "file" else reference
