"""Names are legal, stable, and never shared by two deployments."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.naming import Rule, physical
from mldeploy.spec.model import NAME_PATTERN

names = st.from_regex(NAME_PATTERN, fullmatch=True)
parts = st.sampled_from(["", "schedule", "events", "logs"])
rules = st.builds(Rule, max_chars=st.integers(20, 63), has_hyphens=st.booleans(), is_global=st.booleans())


@given(rules, names, names, parts, st.sampled_from(["", "123456789012"]))
def test_a_name_is_legal_and_the_same_every_time(rule: Rule, model: str, stage: str, part: str, scope: str) -> None:
    name = physical(rule, model, stage, part, scope)
    assert len(name) <= rule.max_chars
    assert re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]" if rule.has_hyphens else r"[a-z][a-z0-9]*", name)
    assert name == physical(rule, model, stage, part, scope)


@given(rules, st.lists(st.tuples(names, names, parts), min_size=2, max_size=6, unique=True))
def test_no_two_share_a_name(rule: Rule, deployments: list[tuple[str, str, str]]) -> None:
    assert len({physical(rule, *each) for each in deployments}) == len(deployments)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("a-b", "c", ""), ("a", "b-c", "")),
        (("a", "b", "c"), ("a-b", "c", "")),
        (("ab", "c", ""), ("a", "bc", "")),
        (("x" * 40, "dev", ""), ("x" * 40, "dex", "")),
    ],
)
def test_pairs_that_read_alike_differ(first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    for rule in (Rule(63), Rule(24), Rule(24, has_hyphens=False), Rule(50, is_global=True)):
        assert physical(rule, *first) != physical(rule, *second)


def test_the_common_case_reads_as_one_would_write_it() -> None:
    assert physical(Rule(63), "digits", "dev") == "digits-dev"
    assert physical(Rule(63), "my-model", "prod") == "my-model-prod"


def test_a_name_that_is_global_depends_on_the_account() -> None:
    rule = Rule(24, has_hyphens=False, is_global=True)
    assert physical(rule, "digits", "dev", scope="1") != physical(rule, "digits", "dev", scope="2")


def test_a_rule_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        physical(Rule(6, is_global=True), "digits", "dev")
