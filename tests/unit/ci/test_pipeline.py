"""Nothing that GitHub would run as an expression, or YAML read as structure, gets into a workflow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mldeploy.ci.contract import Action, Login
from mldeploy.ci.pipeline import Pipeline, Target
from mldeploy.ci.template import fill
from mldeploy.errors import SpecError

LOGIN = Login(Action("a/b", "0" * 40, "v1"), {}, {"ROLE": "the role"})
TARGET = Target("toy-cloud", "Toy", "dev", LOGIN, "mldeploy")
PIPELINE = Pipeline("digits", "models/digits/mldeploy.yaml", (TARGET,), "dev", "dev", "mldeploy[toy]==1.0")


@pytest.mark.parametrize("bad", ["${{ github.token }}", "a b", 'a"', "a\nb", "-x", "a'b", "$(x)", "`x`", "<<action a/b>>", ""])
@pytest.mark.parametrize("field", ["file", "branch", "tags", "runner", "on_main", "on_tag"])
def test_a_value_that_could_mean_more_is_refused(field: str, bad: str) -> None:
    with pytest.raises(SpecError, match="cannot stand in a workflow"):
        replace(PIPELINE, **{field: bad})


@pytest.mark.parametrize("field", ["stage", "backend", "key", "install"])
def test_so_is_one_of_a_target(field: str) -> None:
    with pytest.raises(SpecError, match="cannot stand in a workflow"):
        replace(PIPELINE, targets=(replace(TARGET, **{field: "${{ secrets.A }}"}),))


def test_what_a_spec_may_say_is_taken() -> None:
    state = "azblob://state?storage_account=digits"
    key = "awskms://alias/mldeploy?region=eu-central-1"
    taken = replace(PIPELINE, targets=(replace(TARGET, backend=state, key=key),), branch="release/1.x", tags="v1.*")
    assert taken.targets[0].variables == {"ROLE": "the role"}


def test_state_that_the_spec_does_not_name_is_a_variable_of_the_cloud() -> None:
    assert list(TARGET.variables) == ["ROLE", "MLDEPLOY_STATE_TOY_CLOUD", "MLDEPLOY_SECRETS_PROVIDER_TOY_CLOUD"]


def test_a_place_in_a_template_that_nothing_fills_is_a_defect() -> None:
    with pytest.raises(KeyError, match="title"):
        fill("sign-in", {"checked": "", "inputs": "", "variables": "", "login": ""})
