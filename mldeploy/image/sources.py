"""Our own code that ships: packages of mldeploy (and of a provider that lives elsewhere), under their own names.

    "mldeploy.providers.x.entry" ─▶ app/mldeploy/__init__.py · app/mldeploy/providers/__init__.py (empty) · … · app/…/entry/*

The packages above a module ship as empty ones, so that nothing of the deploying side comes along.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from mldeploy.errors import ProviderError
from mldeploy.image.context import Entry


def entries(modules: tuple[str, ...], prefix: str) -> Iterator[Entry]:
    """Every file of the modules below `prefix`, sorted. Raises ProviderError when a module cannot be found."""
    found: dict[str, Entry] = {}
    for module in modules:
        parents = module.split(".")[:-1]
        for depth in range(1, len(parents) + 1):
            path = f"{prefix}/{'/'.join(parents[:depth])}/__init__.py"
            found.setdefault(path, Entry(path, _top(parents[0]) if depth == 1 else b""))
        folder = _folder(module)
        for file in sorted(folder.rglob("*")):
            relative = file.relative_to(folder)
            if file.is_file() and "__pycache__" not in relative.parts:
                path = f"{prefix}/{module.replace('.', '/')}/{relative.as_posix()}"
                found[path] = Entry(path, file.read_bytes())
    return (found[path] for path in sorted(found))


def _folder(module: str) -> Path:
    try:
        spec = importlib.util.find_spec(module)
    except ImportError:
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        raise ProviderError(f"{module} ships in the image and is no installed package", "reinstall the package that brings it")
    return Path(places[0])


def _top(name: str) -> bytes:
    """mldeploy's own top module holds the version and imports nothing; another distribution's stays behind."""
    if name != "mldeploy":
        return b""
    import mldeploy

    return Path(mldeploy.__file__).read_bytes()
