"""`mldeploy build`: the image that a cloud would run, built and checked on this machine, pushed nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from mldeploy.cli import target as targets
from mldeploy.cli.layout import size
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb

if TYPE_CHECKING:
    from mldeploy.image.contract import BuiltImage


@verb("build")
def command(session: Session) -> None:
    """Build and check the image; push nothing.

    The image of the chosen --cloud: its size, its architecture, and the spec's smoke requests answered inside it with no
    network and a read-only root. Nothing changed means nothing is built. `up` does the same first, and pushes then.
    """
    from mldeploy import deploy

    loaded = targets.load(session)
    built = deploy.build(loaded, session.settings.cloud_or_default, session.report)
    session.result({**asdict(built), "name": loaded.spec.name, "stage": loaded.stage}, _lines(built, session))


def _lines(built: BuiltImage, session: Session) -> Iterator[str]:
    state = "is built, nothing changed" if built.is_cached else "is built"
    head = session.out.style(f"{built.name}:{built.tag[:12]} {state}", "green", "bold")
    yield f"{head}   {size(built.size_bytes)}, {size(built.added_bytes)} of it over the base"
    if session.settings.verbosity >= 0:
        yield ""
        yield f"  {session.settings.call('up')}"
