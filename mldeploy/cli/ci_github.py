"""`mldeploy ci github`: the GitHub workflows of a spec, written into its repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mldeploy.cli import target as targets
from mldeploy.cli.exits import UsageError
from mldeploy.cli.layout import table
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb

if TYPE_CHECKING:
    from mldeploy.ci.blocks import Block
    from mldeploy.ci.pipeline import Pipeline


@dataclass(frozen=True)
class Result:
    """`files` are all, `stale` those that are (or were) not up to date. `environments` are GitHub's."""

    files: tuple[str, ...]
    stale: tuple[str, ...]
    environments: tuple[str, ...]
    is_check: bool


@verb(
    "github",
    click.Option(["--on-main"], metavar="STAGE", help="What the main branch deploys. Default: the first of several, or dev."),
    click.Option(["--on-tag"], metavar="STAGE", help="What a tag deploys. Default: the last stage of the spec, or dev."),
    click.Option(["--branch"], default="main", metavar="NAME", help="The main branch. Default: main."),
    click.Option(["--tags"], default="v*", metavar="GLOB", help="The tags that deploy. Default: v*."),
    click.Option(["--environments"], is_flag=True, help="Also deploy every pull request on its own, until it is closed."),
    click.Option(["--runner"], default="ubuntu-24.04", metavar="LABEL", help="Where jobs run. Default: ubuntu-24.04."),
    click.Option(["--install"], metavar="REQ", help="What pip installs; '': nothing. Default: this version from PyPI."),
    click.Option(["--check"], is_flag=True, help="Write nothing; exit code 1 when a file is not up to date."),
)
def command(session: Session, environments: bool, check: bool, install: str | None, **chosen: str) -> int:
    """Write GitHub Actions workflows for the spec's clouds.

    For the clouds that the spec has a block for, or --cloud A,B. A pull request is checked, built, previewed and told what it
    changes in one comment; the main branch and tags deploy; every night drift is looked for. Jobs sign in by OpenID Connect,
    with no long-lived key. Written again, the blocks between the markers are replaced and the rest of a file is kept.
    """
    from mldeploy.ci.github import workflows
    from mldeploy.ci.pipeline import PULL_REQUEST
    from mldeploy.cli.ci_targets import pipeline_of

    loaded = targets.load(session)
    root = _repository(loaded.root)
    file = (loaded.root.resolve() / Path(loaded.file).name).relative_to(root)
    pipeline = pipeline_of(session.settings, loaded, file, install=install, **chosen)
    fresh = _fresh(root, workflows(pipeline, has_environments=environments))
    stale = sorted(name for name, text in fresh.items() if _text(root / name) != text)
    if not check:
        for name in stale:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(fresh[name], encoding="utf-8")
    names = [*pipeline.stages, *dict.fromkeys(target.reading for target in pipeline.targets)]
    names += [PULL_REQUEST] if environments else []
    result = Result(tuple(sorted(fresh)), tuple(stale), tuple(names), is_check=check)
    document = {
        "files": list(result.files),
        "stale" if check else "written": stale,
        "environments": list(result.environments),
        "variables": {target.cloud: target.variables for target in pipeline.targets},
    }
    session.result(document, _lines(pipeline, result))
    return 1 if check and stale else 0


def _repository(folder: Path) -> Path:
    """The root of the repository that has `folder`, looked up by its `.git`. Raises UsageError outside of one."""
    for each in (folder.resolve(), *folder.resolve().parents):
        if (each / ".git").exists():
            return each
    raise UsageError(f"{folder} is in no git repository", "git init, or run it where the repository is")


def _fresh(root: Path, files: Mapping[str, Sequence[Block]]) -> dict[str, str]:
    """Every file as it should be: what is there with our blocks replaced, or a new one. Raises SpecError."""
    from mldeploy.ci.blocks import merged, whole

    found = {name: _text(root / name) for name in files}
    return {
        name: whole(blocks) if (text := found[name]) is None else merged(text, blocks, name) for name, blocks in files.items()
    }


def _text(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _lines(pipeline: Pipeline, result: Result) -> Iterator[str]:
    for name in result.files:
        state = ("stale" if result.is_check else "written") if name in result.stale else "up to date"
        yield f"  {name}   {state}"
    if result.is_check:
        return
    yield ""
    yield "GitHub environments and the variables that each needs (none of them is a secret):"
    yield ""
    needed = {name: meaning for target in pipeline.targets for name, meaning in target.variables.items()}
    yield f"  environments   {', '.join(result.environments)}"
    yield from table([("  ", name, meaning) for name, meaning in needed.items()])
    yield ""
    yield f"  main branch {pipeline.branch} → {pipeline.on_main} · tags {pipeline.tags} → {pipeline.on_tag}"
