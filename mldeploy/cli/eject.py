"""`mldeploy eject`: the deployment as a plain program that needs mldeploy no more."""

from __future__ import annotations

from pathlib import Path

import click

from mldeploy.cli import target as targets
from mldeploy.cli.exits import UsageError
from mldeploy.cli.layout import count
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb


@verb(
    "eject",
    click.Option(
        ["--out"], required=True, type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="A new or empty folder."
    ),
)
def command(session: Session, out: Path) -> None:
    """Write the deployment out as a plain Pulumi program and a Dockerfile.

    Neither imports mldeploy. A preview of the program on the same stack shows no change, so that one can go on without this
    tool whenever one likes. Nothing that is deployed is touched.
    """
    from mldeploy import deploy

    loaded = targets.load(session)
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty", "name a new folder; nothing is overwritten")
    files = deploy.eject(loaded, session.settings.cloud_or_default, out, session.report)
    names = sorted(str(path.relative_to(out)) for path in files)
    lines = [f"{count(len(names), 'file')} in {out}", "", *(f"  {name}" for name in names[:12])]
    lines += [f"  … and {len(names) - 12} more"] if len(names) > 12 else []
    session.result({"folder": str(out), "files": names}, [*lines, "", f"  next: {out / 'README.md'} has the commands"])
