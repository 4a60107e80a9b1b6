"""`mldeploy ci bootstrap`: what a cloud needs so that a repository deploys to it without a long-lived key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from mldeploy.cli import change_lines
from mldeploy.cli import target as targets
from mldeploy.cli.exits import UsageError
from mldeploy.cli.iam import policy_of
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb

if TYPE_CHECKING:
    from mldeploy.iam.bootstrapping import Bootstrap
    from mldeploy.iam.trust import Trust
    from mldeploy.plan import Plan
    from mldeploy.providers.contract import Change


@verb(
    "bootstrap",
    click.Option(["--repository"], required=True, metavar="ORG/REPO", help="The repository on GitHub that may deploy."),
    click.Option(
        ["--environment"],
        multiple=True,
        metavar="NAME",
        help="A GitHub environment that may; repeatable. Default: the stage's name.",
    ),
    click.Option(["--every-feature"], is_flag=True, help="Let it deploy all that a spec may ask for."),
    click.Option(
        ["--has-provider"], is_flag=True, help="AWS: the account trusts GitHub's tokens already; make no second provider."
    ),
    click.Option(["--preview"], is_flag=True, help="Show what would be made, and make nothing."),
)
def command(
    session: Session, repository: str, environment: tuple[str, ...], every_feature: bool, has_provider: bool, preview: bool
) -> int:
    """Make what deploying from GitHub needs: trust, a role, state, a key.

    Needs an administrator's credentials, once for a stage on a cloud. Makes the trust in GitHub's tokens of these environments
    and no other, a deployer with the policy that `mldeploy iam` prints, a place with versions for the state, and a key for the
    secrets in it. Shows what would change and asks; -y goes ahead. Prints the variables that the workflows read, no secret.
    """
    from mldeploy import deploy
    from mldeploy.iam.trust import Trust

    loaded = targets.load(session)
    trusted = Trust(repository, tuple(dict.fromkeys(environment or (loaded.stage,))), has_provider)
    cloud = session.settings.cloud_or_default
    plan = deploy.preview(loaded, cloud, session.report)
    wanted = _bootstrap(session, plan, cloud, trusted, is_whole=every_feature)
    changes = wanted.preview()
    document = {"changes": [asdict(change) for change in changes], "repository": repository, "variables": None}
    if preview:
        session.result(document, _changed(changes, session))
        return 0
    if any(change.action != "same" for change in changes) and not session.settings.is_yes:
        for line in _changed(changes, session):
            session.report.note(line)
    question = f"Make this on {wanted.cloud.title}, for {repository}?"
    if not session.confirm(question, refusal=f"changing who may deploy to {cloud} needs a yes"):
        session.result(document, ["Nothing was changed."])
        return 1
    session.after_interrupt = lambda: "run the same command again to go on"
    variables = wanted.up()
    session.result({**document, "variables": variables}, _variables(variables, trusted.environments, repository, session))
    return 0


def _bootstrap(session: Session, plan: Plan, cloud: str, trusted: Trust, *, is_whole: bool) -> Bootstrap:
    """Raises UsageError where there is nothing to prepare."""
    from mldeploy import deploy
    from mldeploy.iam.bootstrapping import prepared
    from mldeploy.iam.contract import Bootstrapping
    from mldeploy.stacks.driver import StackDriver

    driver = deploy.driver(plan.name, plan.stage, cloud, None)
    known: object = driver.cloud if isinstance(driver, StackDriver) else None
    if not isinstance(driver, StackDriver) or not isinstance(known, Bootstrapping):
        raise UsageError(f"deploying to {cloud} needs no preparation", "name a cloud: --cloud NAME")
    policy = policy_of(plan, cloud, is_whole=is_whole)
    document = known.bootstrap_document(plan.program, policy, trusted)
    return prepared(driver.cloud, plan, known.bootstrap, document, session.report)


def _changed(changes: Sequence[Change], session: Session) -> Iterator[str]:
    yield change_lines.summary(changes)
    yield from change_lines.lines(changes, session.out)


def _variables(variables: Mapping[str, Any], environments: Sequence[str], repository: str, session: Session) -> Iterator[str]:
    """As commands for GitHub's own command line."""
    yield session.out.style("Tell GitHub, once for each environment:", "bold")
    for environment in environments:
        for name, value in variables.items():
            yield f"  gh variable set {name} --repo {repository} --env {environment} --body '{value}'"
