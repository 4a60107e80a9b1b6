"""Secrets by reference: `env:NAME` (the environment of whoever runs `up`), `file:PATH` (relative to the spec), `generated:key`.

Values stay in memory and in the runtimes' environment. What is recorded is a digest that is slow to guess, to notice a change.
"""

from __future__ import annotations

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


def resolve(name: str, reference: str) -> str:
    """The value of a secret that the user gave. Raises DeployError that names the secret and how to set it, never the value."""
    scheme, _, rest = reference.partition(":")
    if scheme == "env":
        if rest not in os.environ:
            raise DeployError(
                f"secret {name}: the environment variable {rest} is not set", f"export {rest}=… and run the command again"
            )
        value = os.environ[rest]
    else:
        value = _file(name, rest)
    if "\0" in value:
        raise DeployError(f"secret {name}: its value holds a NUL byte, which no environment variable can", "store it as text")
    return value


def given(references: Mapping[str, str]) -> dict[str, str]:
    """The values of all but the generated key. Writes nothing. Raises DeployError on the first that is missing."""
    return {name: resolve(name, reference) for name, reference in references.items() if reference != GENERATED_KEY}


def generated(references: Mapping[str, str], at: Paths, *, may_make: bool) -> dict[str, str]:
    """The generated key under every name that asks for it. Where there is none yet it is made, which needs the deployment's
    lock, or left out."""
    names = [name for name, reference in references.items() if reference == GENERATED_KEY]
    key = (_kept_key(at) or (_make_key(at) if may_make else "")) if names else ""
    return dict.fromkeys(names, key) if key else {}


def _file(name: str, path: str) -> str:
    try:
        return Path(path).read_bytes().decode().rstrip("\r\n")
    except OSError as error:
        raise DeployError(f"secret {name}: {path} cannot be read: {error.strerror}", f"write the secret into {path}") from error
    except UnicodeDecodeError as error:
        raise DeployError(f"secret {name}: {path} is not UTF-8 text", "store it as text") from error


def _kept_key(at: Paths) -> str:
    try:
        return at.key.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _make_key(at: Paths) -> str:
    key = secrets.token_urlsafe(32)
    write_atomically(at.key, key.encode())
    return key


def digest(values: Mapping[str, str], salt: str) -> str:
    """What changes when a value does. scrypt, because a short secret must not be guessable from a record."""
    if not values:
        return ""
    data = json.dumps(sorted(values.items())).encode()
    return hashlib.scrypt(data, salt=salt.encode(), n=2**14, r=8, p=1, dklen=32).hex()
