"""The files that a spec names have to be there before anything starts: found here, offline, with the nearest name as advice."""

from __future__ import annotations

import os
import stat as file_kinds
from collections.abc import Iterator
from pathlib import Path

from mldeploy.errors import closest
from mldeploy.spec import node as tree

Finding = tuple[tree.Path, str, str]

_KEYS = (("model", "path"), ("model", "labels"), ("model", "hook"), ("model", "parity_data"), ("image", "requirements"))
_MOST_NAMES = 2_000


def problems(root: tree.Node, folder: Path) -> Iterator[Finding]:
    """Every named file that is not a readable file. Paths are relative to `folder`; anywhere on this machine is allowed."""
    smoke = (("smoke", index, "file") for index in range(len(root.list_at("smoke"))))
    paths: list[tree.Path] = [*_KEYS, *smoke]
    for path in paths:
        name = root.text_at(*path)
        fault = _fault(name, folder, path) if name is not None else None
        if fault:
            yield path, *fault


def _fault(name: str, folder: Path, path: tree.Path) -> tuple[str, str] | None:
    if not name.strip():
        return "is empty", "name a file, or delete the line"
    if "://" in name:
        return f"{name} is not a file on this machine", "download it first, and name the file"
    if name.startswith("~"):
        return f"{name}: '~' is not expanded here", "write the path relative to this file, or in full"
    file = folder / name
    try:
        mode = file.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return f"{name}: no such file" + ("" if file.parent == folder else f" in {file.parent}"), _advice(file, path)
    except ValueError:  # Python's words for it differ between its versions
        return f"{name[:60]!r}: a null byte, or half a character", "name a file, relative to this file"
    except OSError as error:
        return f"{name[:60]!r}: {error.strerror}", "name a file, relative to this file"
    if not file_kinds.S_ISREG(mode):
        return f"{name} is " + ("a folder" if file_kinds.S_ISDIR(mode) else "no regular file"), "name the file itself"
    return None if os.access(file, os.R_OK) else (f"{name}: no permission to read it", f"chmod u+r {name}")


def _advice(file: Path, path: tree.Path) -> str:
    """The file of a similar name beside it, or what the key is for."""
    try:
        with os.scandir(file.parent) as entries:
            near = closest(
                file.name, [entry.name for entry, _ in zip(entries, range(_MOST_NAMES), strict=False) if entry.is_file()]
            )
    except OSError:
        return f"the folder {file.parent} does not exist either; paths are relative to this file"
    if near:
        return f"did you mean '{near}'?"
    is_labels = path[-1] == "labels"
    return "labels is a file with one name a line, or a list: [cat, dog]" if is_labels else "paths are relative to this file"
