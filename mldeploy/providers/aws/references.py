"""What a secret of the spec refers to. Pure: a reference is read, never followed.

env:NAME · file:PATH · (nothing: env of the same name)   a value that `up` puts into the deployment's own secret
arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME        a secret of the user's own, read by the function
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mldeploy.spec.loaded import LoadedSpec

KEY_NAME = "MLDEPLOY_API_KEY"
GENERATED_KEY = "generated:key"
_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}")


def is_arn(reference: str) -> bool:
    """Whether it is the full ARN of a secret in Secrets Manager, with the six characters at its end."""
    return _ARN.fullmatch(reference) is not None


def is_managed(reference: str) -> bool:
    """Whether `up` puts the value into the deployment's own secret."""
    scheme, _, rest = reference.partition(":")
    return reference == GENERATED_KEY or (scheme in ("env", "file") and rest.strip() != "")


def references(loaded: LoadedSpec) -> dict[str, str]:
    """Names to references. `access: key` adds a key that `up` makes, unless one is given."""
    given = {name: _absolute(text or f"env:{name}", loaded.root) for name, text in loaded.spec.secrets.items()}
    return {KEY_NAME: GENERATED_KEY, **given} if loaded.spec.access == "key" else given


def split(found: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The names whose values `up` stores, and the ARNs by name."""
    managed = sorted(name for name, reference in found.items() if is_managed(reference))
    return managed, {name: reference for name, reference in found.items() if is_arn(reference)}


def _absolute(reference: str, folder: Path) -> str:
    """With a relative file path resolved against `folder`, so that it means the same from everywhere."""
    scheme, _, rest = reference.partition(":")
    return f"file:{(folder / Path(rest).expanduser()).absolute()}" if scheme == "file" else reference
