"""Trust: whose short-lived tokens are taken for the deployer. GitHub's, of one repository's environments and nobody else.

A token says `sub: repo:ORG/REPO:environment:NAME`; clouds compare the whole text, so nothing else of the repository (a branch,
a pull request from a fork) is let in. Source: docs.github.com/actions/concepts/security/openid-connect, read 2026-11-21.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mldeploy.errors import SpecError

ISSUER = "https://token.actions.githubusercontent.com"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,100}")


@dataclass(frozen=True)
class Trust:
    """`repository` is ORG/REPO. Raises SpecError for what cannot be one: a wildcard would let strangers in.

    `has_provider` says that the account knows the issuer already, where an account can know it only once.
    """

    repository: str
    environments: tuple[str, ...]
    has_provider: bool = False

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository):
            raise SpecError(f"{self.repository!r} is no repository", "write it as ORG/REPO, as in its address on GitHub")
        wrong = [name for name in self.environments if not _ENVIRONMENT.fullmatch(name)]
        if wrong or not self.environments:
            raise SpecError(
                f"{', '.join(map(repr, wrong)) or 'nothing'} is no name of an environment", "use letters, digits and . _ -"
            )

    @property
    def subjects(self) -> tuple[str, ...]:
        """The tokens' subjects, one for each environment."""
        return tuple(f"repo:{self.repository}:environment:{name}" for name in self.environments)

    def own_provider(self, title: str) -> None:
        """For clouds where every deployment has its own. Raises SpecError when another one is pointed to."""
        if self.has_provider:
            raise SpecError(
                f"--has-provider means nothing on {title}", "leave it out: what trusts GitHub is made for this deployment"
            )
