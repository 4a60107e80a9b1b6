"""`mldeploy validate`: every problem of the spec at once, without touching anything."""

from __future__ import annotations

from dataclasses import asdict

from mldeploy.cli.session import Session
from mldeploy.cli.target import warn
from mldeploy.cli.verb import verb


@verb("validate")
def command(session: Session) -> None:
    """Check the spec: all problems at once, offline.

    Checks the limits of --cloud, or without it of `local` and of every cloud that the spec has a block for. Exit code 2 when
    something is wrong; nothing is built either way.
    """
    from mldeploy import deploy
    from mldeploy.errors import SpecError

    settings = session.settings
    loaded = deploy.load_spec(settings.file, settings.stage)
    warn(session, loaded)
    problems = deploy.validate(loaded, settings.cloud)
    if problems:
        raise SpecError("invalid", problems=problems)
    clouds = [settings.cloud] if settings.cloud else sorted({deploy.DEFAULT_CLOUD, *loaded.spec.clouds})
    document = {
        "valid": True,
        "file": loaded.file,
        "name": loaded.spec.name,
        "stage": loaded.stage,
        "clouds": clouds,
        "problems": [],
        "warnings": [asdict(warning) for warning in loaded.warnings],
    }
    session.result(document, [f"{loaded.file} is valid   {loaded.spec.name} · stage {loaded.stage} · for {', '.join(clouds)}"])
