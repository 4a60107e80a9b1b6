"""Who may be trusted: whole names only, as a pattern would let strangers in."""

from __future__ import annotations

import pytest

from mldeploy.errors import SpecError
from mldeploy.iam.trust import Trust


def test_a_subject_is_one_environment_of_one_repository() -> None:
    trust = Trust("acme/digits.v2", ("prod", "pull-request"))
    assert trust.subjects == ("repo:acme/digits.v2:environment:prod", "repo:acme/digits.v2:environment:pull-request")


@pytest.mark.parametrize(
    "repository", ["acme", "acme/*", "*/digits", "acme/digits:ref", "https://x/acme/digits", "acme/di gits", ""]
)
def test_what_is_no_repository_is_refused(repository: str) -> None:
    with pytest.raises(SpecError, match="no repository"):
        Trust(repository, ("prod",))


@pytest.mark.parametrize("environments", [(), ("*",), ("prod", "a:b"), ("",), ("prod'",)])
def test_what_is_no_environment_is_refused(environments: tuple[str, ...]) -> None:
    with pytest.raises(SpecError, match="no name of an environment"):
        Trust("acme/digits", environments)
