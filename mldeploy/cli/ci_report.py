"""`mldeploy ci report`: the comment of a pull request, from the documents that its jobs left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from mldeploy.cli.exits import UsageError
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb


@verb(
    "report",
    click.Argument(["folder"], type=click.Path(exists=True, file_okay=False, path_type=Path)),
    click.Option(["--model"], required=True, metavar="NAME", help="The model's name, the heading."),
    click.Option(["--expect"], multiple=True, required=True, metavar="CLOUD", help="A cloud that has a row; repeatable."),
)
def command(session: Session, folder: Path, model: str, expect: tuple[str, ...]) -> None:
    """Render what a pull request changes, as Markdown.

    FOLDER has what `preview --json` and `build --json` printed: CLOUD.preview.json and CLOUD.image.json, and of what it is
    compared with CLOUD.base.json and CLOUD.base-image.json. What is missing is shown as unknown.
    """
    from mldeploy.ci.report import Found, markdown

    clouds = [
        Found(
            cloud,
            preview=_document(folder / f"{cloud}.preview.json"),
            base=_document(folder / f"{cloud}.base.json"),
            image=_document(folder / f"{cloud}.image.json"),
            base_image=_document(folder / f"{cloud}.base-image.json"),
        )
        for cloud in expect
    ]
    text = markdown(model, clouds)
    session.result({"markdown": text}, text.splitlines())


def _document(file: Path) -> dict[str, Any]:
    """The document in `file`; empty where there is none, as after a job that failed. Raises UsageError for anything else."""
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if text.strip() else {}
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UsageError(f"{file} is no JSON document: {error}", "write it with --json") from error
    if not isinstance(found, dict):
        raise UsageError(f"{file} is no document of mldeploy's", "write it with `preview --json` or `build --json`")
    return found
