"""The build context: files in, one deterministic tar out. The same entries give the same bytes on every machine.

Names are sorted by the caller or come in a fixed order; owner, times and modes are fixed; parent folders are written once,
before what lies in them, so that a builder invents none.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

TIME_S = 315_532_800  # 1980-01-01, as the bundles have it
FILE_MODE, PROGRAM_MODE, FOLDER_MODE = 0o644, 0o755, 0o755


@dataclass(frozen=True)
class Entry:
    """One file of the context. `path` is relative, with "/"; `content` is its bytes, or where they are. A folder has none."""

    path: str
    content: bytes | Path | None
    is_program: bool = False

    @property
    def size_bytes(self) -> int:
        if isinstance(self.content, Path):
            return self.content.stat().st_size
        return len(self.content or b"")


def write_tar(stream: IO[bytes], entries: Iterable[Entry]) -> None:
    """Write the tar. Raises OSError, and ValueError for a path that leaves the context."""
    folders: set[str] = set()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for entry in entries:
            path = checked(entry.path)
            for parent in [*reversed(path.parents)][1:]:
                _add_folder(tar, str(parent), folders)
            if entry.content is None:
                _add_folder(tar, str(path), folders)
            else:
                _add_file(tar, str(path), entry)


def write_folder(folder: Path, entries: Iterable[Entry]) -> tuple[Path, ...]:
    """Write the context out as files; returns them. Raises OSError and ValueError."""
    written = []
    for entry in entries:
        target = folder / checked(entry.path)
        if entry.content is None:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(entry.content.read_bytes() if isinstance(entry.content, Path) else entry.content)
        target.chmod(PROGRAM_MODE if entry.is_program else FILE_MODE)
        written.append(target)
    return tuple(written)


def checked(path: str) -> PurePosixPath:
    """The path, if it stays inside. Raises ValueError."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\\" in path:
        raise ValueError(f"{path!r} leaves its folder")
    return pure


def _add_folder(tar: tarfile.TarFile, name: str, folders: set[str]) -> None:
    if name not in folders:
        folders.add(name)
        info = _info(name, FOLDER_MODE)
        info.type = tarfile.DIRTYPE
        tar.addfile(info)


def _add_file(tar: tarfile.TarFile, name: str, entry: Entry) -> None:
    info = _info(name, PROGRAM_MODE if entry.is_program else FILE_MODE)
    if isinstance(entry.content, Path):
        with entry.content.open("rb") as file:
            info.size = entry.content.stat().st_size
            tar.addfile(info, file)
    else:
        info.size = entry.size_bytes
        tar.addfile(info, io.BytesIO(entry.content or b""))


def _info(name: str, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = mode, TIME_S
    return info  # owner 0:0 without names is what TarInfo begins with
