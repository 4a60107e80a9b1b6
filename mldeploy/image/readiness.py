"""What `doctor` looks at for images: the SDK, the engine, and whether this user may use it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import closing

from mldeploy.errors import MldeployError
from mldeploy.image.engine import INSTALL_SDK, NOT_INSTALLED, connect
from mldeploy.providers.contract import Finding

QUICK_S = 5
_ARCHITECTURES = {"aarch64": "arm64", "x86_64": "x86_64"}


def checks() -> Iterator[Finding]:
    """One finding, or two where the engine cannot build for every architecture."""
    if importlib.util.find_spec("docker") is None:
        yield Finding("Docker", False, NOT_INSTALLED, INSTALL_SDK)
        return
    try:
        with closing(connect(QUICK_S)) as engine:
            info = engine.info()
    except MldeployError as error:
        yield Finding("Docker", False, error.message, error.hint or "")
        return
    native = _ARCHITECTURES.get(str(info.get("Architecture")), str(info.get("Architecture")))
    yield Finding("Docker", True, f"{info.get('ServerVersion')} · {native} · {info.get('NCPU')} cores")
    if importlib.util.find_spec("pip") is None:
        yield Finding("pip", False, "not installed; it fetches an image's packages", "python -m ensurepip --upgrade")
