"""`mldeploy iam`: what whoever deploys this spec needs to be allowed, as the cloud's own policy documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mldeploy.cli import target as targets
from mldeploy.cli.exits import UsageError
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb

if TYPE_CHECKING:
    from mldeploy.iam.contract import Policy
    from mldeploy.plan import Plan


@verb(
    "iam",
    click.Option(["--every-feature"], is_flag=True, help="For all that a spec may ask for, not only what this one does."),
    click.Option(
        ["--out"], type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write the documents into this folder."
    ),
)
def command(session: Session, every_feature: bool, out: Path | None) -> None:
    """Print the least policy that deploying this spec needs.

    For an administrator who makes the role: the documents as the cloud's own tools take them, and the commands that apply them.
    It is derived from the resources that the deployment declares, so a new feature in the spec can need a new policy. What has
    to be granted wider than this deployment is named, with the reason. Asks no cloud and changes nothing.
    """
    from mldeploy import deploy

    loaded = targets.load(session)
    plan = deploy.preview(loaded, session.settings.cloud_or_default, session.report)
    policy = policy_of(plan, session.settings.cloud_or_default, is_whole=every_feature)
    written = _write(policy, out) if out is not None else []
    wide = [asdict(each) for each in policy.wide]
    document = {"documents": dict(policy.documents), "commands": list(policy.commands), "wide": wide, "files": written}
    session.result(document, _lines(policy, written, session))


def policy_of(plan: Plan, cloud: str, *, is_whole: bool) -> Policy:
    """The policy of a plan. Raises UsageError where nothing has to be allowed."""
    from mldeploy import deploy
    from mldeploy.iam.contract import Asked, Permitting
    from mldeploy.iam.recording import recorded
    from mldeploy.stacks.driver import StackDriver

    driver = deploy.driver(plan.name, plan.stage, cloud, None)
    known: object = driver.cloud if isinstance(driver, StackDriver) else None
    if not isinstance(driver, StackDriver) or not isinstance(known, Permitting):
        raise UsageError(f"deploying to {cloud} needs no rights that could be granted", "name a cloud: --cloud NAME")
    asked = recorded(driver.cloud, plan)
    if is_whole:
        asked = (*asked, *(Asked(kind, {}) for kind in sorted(known.deployer_kinds())))
    return known.deployer(plan.program, asked)


def _write(policy: Policy, folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in policy.documents.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")
    return [str(folder / name) for name in policy.documents]


def _lines(policy: Policy, written: list[str], session: Session) -> Iterator[str]:
    out = session.out
    for name, content in policy.documents.items():
        yield out.style(f"# {name}", "bold")
        yield from json.dumps(content, indent=2).splitlines()
        yield ""
    yield out.style("# an administrator applies it with", "bold")
    yield from policy.commands
    yield ""
    yield out.style("# wider than this deployment", "bold")
    for each in policy.wide:
        many = "" if len(each.actions) < 4 else f" and {len(each.actions) - 3} more"
        yield f"{', '.join(each.actions[:3])}{many}  on {each.on}: {each.because}"
    if written:
        yield ""
        yield f"written: {', '.join(written)}"
