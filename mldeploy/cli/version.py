"""`mldeploy version`: what is installed."""

from __future__ import annotations

import platform

from mldeploy import __version__
from mldeploy.cli.layout import table
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb

_PACKAGES = ("onnxruntime", "onnx", "pydantic", "scikit-learn", "skl2onnx", "pulumi", "docker")


def _installed() -> dict[str, str | None]:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    found: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            found[name] = version_of(name)
        except PackageNotFoundError:
            found[name] = None
    return found


@verb("version")
def command(session: Session) -> None:
    """Show the version.

    With -v also the versions of the packages that decide how a model is packed and served.
    """
    python, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    is_full = session.settings.is_json or session.settings.verbosity > 0
    packages = _installed() if is_full else {}
    document = {"mldeploy": __version__, "python": python, "platform": system, "packages": packages}
    rows = [(name, found or "not installed") for name, found in packages.items()]
    session.result(document, [f"mldeploy {__version__}   (Python {python}, {system})", *table(rows)])
