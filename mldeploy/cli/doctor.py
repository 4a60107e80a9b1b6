"""`mldeploy doctor`: whether this machine can do what the commands need, and how to mend what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from mldeploy import __version__
from mldeploy.cli.globals import DEFAULT_CLOUD
from mldeploy.cli.layout import labelled
from mldeploy.cli.session import Session
from mldeploy.cli.terminal import Terminal
from mldeploy.cli.verb import verb
from mldeploy.errors import MldeployError

if TYPE_CHECKING:
    from mldeploy.providers.contract import Finding

_NEEDED = ("onnx", "onnxruntime", "pydantic", "yaml", "platformdirs")
_EXTRAS = {"sklearn": ("sklearn", "skl2onnx", "skops")}


@verb("doctor", click.Option(["--install"], is_flag=True, help="Install the Pulumi CLI first, where it is missing or too old."))
def command(session: Session, install: bool) -> int:
    """Check this machine and the providers.

    With --cloud only that provider. Every finding says how to mend it. Exit code 1 when something is missing: for that
    provider, or without --cloud for mldeploy itself and the default one; what others lack is only needed where they are used.
    """
    if install:
        from mldeploy.stacks import engine

        engine.install(session.report)
    found = {"": (f"mldeploy {__version__}", list(_general()))} | {n: (t, f) for n, t, f in _providers(session)}
    needed = ("", session.settings.cloud or DEFAULT_CLOUD)
    groups = dict(found.values())
    is_ok = all(finding.is_ok for name in needed if name in found for finding in found[name][1])
    lacking = [name for name, (_, findings) in found.items() if name not in needed and not all(f.is_ok for f in findings)]
    document = {"ok": is_ok, "groups": {title: [asdict(f) for f in findings] for title, findings in groups.items()}}
    width = max(len(finding.title) for findings in groups.values() for finding in findings) + 2
    lines = [line for title, findings in groups.items() for line in _lines(title, findings, width, session.out)]
    if lacking:
        lines += ["", f"{', '.join(lacking)}: not ready on this machine; only needed to deploy there"]
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


def _providers(session: Session) -> Iterator[tuple[str, str, list[Finding]]]:
    """Name, title and findings of each."""
    from mldeploy.providers import registry
    from mldeploy.providers.contract import Finding

    chosen = session.settings.cloud
    for name in [chosen] if chosen else registry.names():
        try:
            provider = registry.get(name)
            yield name, f"{name}: {provider.title}", list(provider.checks())
        except MldeployError as error:
            if chosen:
                raise
            yield name, name, [Finding("provider", False, error.message, error.hint or "")]


def _lines(title: str, findings: list[Finding], width: int, terminal: Terminal) -> Iterator[str]:
    yield terminal.style(title, "bold")
    for finding in findings:
        mark = terminal.style("ok", "green") + "    " if finding.is_ok else terminal.style("not ok", "red")
        first, *rest = labelled(finding.title, finding.message, width)
        yield f"  {mark}  {first}"
        yield from (" " * 10 + line for line in rest)
        if finding.remedy:
            yield from (" " * 10 + line for line in labelled("fix", finding.remedy, width))
