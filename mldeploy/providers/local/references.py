"""Secrets by reference: `env:NAME` (the environment of whoever runs `up`), `file:PATH` (relative to the spec), `generated:key`.

Values stay in memory and in the runtimes' environment. What is recorded is a digest that is slow to guess, to notice a change.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from mldeploy.errors import DeployError
from mldeploy.providers.local.records import Paths
from mldeploy.state import write_atomically

KEY_NAME = "MLDEPLOY_API_KEY"
GENERATED_KEY = "generated:key"
SCHEMES = ("env:", "file:")


def is_known(reference: str) -> bool:
    """Whether this provider can resolve a reference of this form."""
    return reference.startswith(SCHEMES) and reference.partition(":")[2].strip() != ""


def absolute(reference: str, folder: Path) -> str:
    """The reference with a relative file path resolved against `folder`, so that it means the same from everywhere."""
    scheme, _, rest = reference.partition(":")
    return f"file:{(folder / Path(rest).expanduser()).absolute()}" if scheme == "file" else reference


def resolve(name: str, reference: str, at: Paths) -> str:
    """The value of one secret. Raises DeployError that names the secret and how to set it, never the value."""
    scheme, _, rest = reference.partition(":")
    if reference == GENERATED_KEY:
        return _generated_key(at)
    if scheme == "env":
        if rest not in os.environ:
            raise DeployError(f"secret {name}: the environment variable {rest} is not set",
                              f"export {rest}=… and run the command again")
        value = os.environ[rest]
    else:
        value = _file(name, rest)
    if "\0" in value:
        raise DeployError(f"secret {name}: its value holds a NUL byte, which no environment variable can", "store it as text")
    return value


def _file(name: str, path: str) -> str:
    try:
        return Path(path).read_bytes().decode().rstrip("\r\n")
    except OSError as error:
        raise DeployError(f"secret {name}: {path} cannot be read: {error.strerror}", f"write the secret into {path}") from error
    except UnicodeDecodeError as error:
        raise DeployError(f"secret {name}: {path} is not UTF-8 text", "store it as text") from error


def _generated_key(at: Paths) -> str:
    """The deployment's own key: made once, kept with mode 0600."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        key = at.key.read_text().strip()
        if key:
            return key
    key = secrets.token_urlsafe(32)
    write_atomically(at.key, key.encode())
    return key


def resolve_all(references: Mapping[str, str], at: Paths) -> dict[str, str]:
    """Every secret's value. Raises DeployError on the first that is missing."""
    return {name: resolve(name, reference, at) for name, reference in references.items()}


def digest(values: Mapping[str, str], salt: str) -> str:
    """What changes when a value does. scrypt, because a short secret must not be guessable from a record."""
    if not values:
        return ""
    data = json.dumps(sorted(values.items())).encode()
    return hashlib.scrypt(data, salt=salt.encode(), n=2**14, r=8, p=1, dklen=32).hex()
