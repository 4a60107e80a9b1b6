"""Writing the user's own files: as a whole or not at all, and never over one that is there unless told to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mldeploy.errors import DeployError


def write_whole(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step. Raises DeployError naming the path; leaves nothing half-written behind."""
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise DeployError(f"{path} cannot be written: {error.strerror or error}", "choose another place") from error


def _umask() -> int:
    """The process's umask; reading it means setting it for a moment."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
