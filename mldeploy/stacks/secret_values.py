"""The values of secrets that the user refers to (`env:NAME`, `file:PATH`), for the cloud's secret store, and the API key.

Every other reference is the cloud's own and is resolved there. Values stay in memory; what leaves this module besides is a
digest that is slow to guess, so that a new value makes a new release.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from mldeploy.errors import DeployError

KEY_NAME = "MLDEPLOY_API_KEY"
GENERATED_KEY = "generated:key"
"""The reference of a key that `up` makes, where a plan wants one."""


def given(references: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The values of all references that are resolved on this machine; paths are relative to `folder`. Raises DeployError that
    names every one that is missing, never a value."""
    values, problems = {}, []
    for name, reference in references.items():
        scheme, _, rest = reference.partition(":")
        try:
            if scheme == "env":
                values[name] = os.environ[rest]
            elif scheme == "file":
                values[name] = (folder / Path(rest).expanduser()).read_text().rstrip("\r\n")
        except KeyError:
            problems.append(f"{name}: the environment variable {rest} is not set")
        except OSError as error:
            problems.append(f"{name}: {rest} cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            problems.append(f"{name}: {rest} is not UTF-8 text")
    if problems:
        raise DeployError(f"secret {'; secret '.join(problems)}", "give the values and run the command again")
    return values


def digest(values: Mapping[str, str], salt: str) -> str:
    """What changes when a value does; "" for none. scrypt: a short secret must not be guessable from a release's name."""
    if not values:
        return ""
    data = json.dumps(sorted(values.items())).encode()
    return hashlib.scrypt(data, salt=salt.encode(), n=2**14, r=8, p=1, dklen=32).hex()
