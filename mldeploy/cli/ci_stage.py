"""`mldeploy ci stage`: a copy of the spec with one more stage, for a deployment of a pull request's own."""

from __future__ import annotations

import re

import click

from mldeploy.cli import target as targets
from mldeploy.cli.exits import UsageError
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb

_STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")


@verb(
    "stage",
    click.Argument(["new"], metavar="STAGE"),
    click.Option(["--like"], default="", metavar="STAGE", help="The stage to copy, where the spec declares it."),
)
def command(session: Session, new: str, like: str) -> None:
    """Write a copy of the spec with one more stage.

    The copy stands beside the spec, so that its paths hold, and its path is printed: mldeploy.STAGE.yaml.
    """
    from mldeploy.ci.stage_copy import with_stage
    from mldeploy.spec import find

    if not _STAGE.fullmatch(new):
        raise UsageError(
            f"{new!r} is no name for a stage", "lower-case letters, digits and hyphens, at most 20, a letter first"
        )
    loaded = targets.load(session)
    source = session.settings.file or find(loaded.root)
    copy = loaded.root / f"{source.stem}.{new}.yaml"
    copy.write_text(with_stage(source.read_text(encoding="utf-8-sig"), new, like), encoding="utf-8")
    session.result({"file": str(copy), "stage": new}, [targets.relative(copy)])
