"""`mldeploy doctor`: whether this machine can do what the commands need, and how to mend what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mldeploy import __version__
from mldeploy.cli.layout import labelled
from mldeploy.cli.session import Session
from mldeploy.cli.terminal import Terminal
from mldeploy.cli.verb import verb
from mldeploy.errors import MldeployError

if TYPE_CHECKING:
    from mldeploy.providers.contract import Finding

_NEEDED = ("onnx", "onnxruntime", "pydantic", "yaml", "platformdirs")
_EXTRAS = {"sklearn": ("sklearn", "skl2onnx", "skops")}


@verb("doctor")
def command(session: Session) -> int:
    """Check this machine and the providers.

    With --cloud only that provider. Exit code 1 when something needed is missing; every finding says how to mend it.
    """
    groups = {f"mldeploy {__version__}": list(_general()), **dict(_providers(session))}
    is_ok = all(finding.is_ok for findings in groups.values() for finding in findings)
    document = {"ok": is_ok, "groups": {title: [asdict(f) for f in findings] for title, findings in groups.items()}}
    width = max(len(finding.title) for findings in groups.values() for finding in findings) + 2
    lines = [line for title, findings in groups.items() for line in _lines(title, findings, width, session.out)]
    session.result(document, lines)
    return 0 if is_ok else 1


def _general() -> Iterator[Finding]:
    """Checks that belong to no provider. An extra that is not installed is fine: it is said, not required."""
    from mldeploy.providers.contract import Finding

    missing = [name for name in _NEEDED if find_spec(name) is None]
    yield Finding(
        "packing",
        not missing,
        f"{', '.join(missing)} missing" if missing else ", ".join(_NEEDED),
        "pip install --force-reinstall mldeploy" if missing else "",
    )
    for extra, modules in _EXTRAS.items():
        absent = [name for name in modules if find_spec(name) is None]
        text = f"not installed: pip install 'mldeploy[{extra}]' if you need it" if absent else "installed"
        yield Finding(f"extra {extra}", True, text)


def _providers(session: Session) -> Iterator[tuple[str, list[Finding]]]:
    from mldeploy.providers import registry
    from mldeploy.providers.contract import Finding

    chosen = session.settings.cloud
    for name in [chosen] if chosen else registry.names():
        try:
            provider = registry.get(name)
            yield f"{name}: {provider.title}", list(provider.checks())
        except MldeployError as error:
            if chosen:
                raise
            yield name, [Finding("provider", False, error.message, error.hint or "")]


def _lines(title: str, findings: list[Finding], width: int, terminal: Terminal) -> Iterator[str]:
    yield terminal.style(title, "bold")
    for finding in findings:
        mark = terminal.style("ok", "green") + "    " if finding.is_ok else terminal.style("not ok", "red")
        first, *rest = labelled(finding.title, finding.message, width)
        yield f"  {mark}  {first}"
        yield from (" " * 10 + line for line in rest)
        if finding.remedy:
            yield from (" " * 10 + line for line in labelled("fix", finding.remedy, width))
