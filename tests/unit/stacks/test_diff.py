"""Properties compared in words."""

from __future__ import annotations

from mldeploy.stacks.diff import COMPUTED, SECRET_MARK, UNKNOWN, reasons
from mldeploy.stacks.events import kind_of, name_of

HIDDEN = {SECRET_MARK: "1b47061264138c4ac30d75fd1eb44270", "value": "hush"}


def test_each_property_says_what_becomes_of_it() -> None:
    old = {"memorySize": 1024.0, "tags": {"stage": "dev"}, "ports": [80, 81], "same": True}
    new = {"memorySize": 2048.0, "tags": {"stage": "dev", "team": "x"}, "ports": [80], "same": True}
    assert reasons(old, new) == ("memorySize 1024 → 2048", "ports[1] 81 removed", "tags.team x added")


def test_a_secret_is_never_shown() -> None:
    assert reasons({"key": HIDDEN}, {"key": "hush"}) == ("key [secret]",)
    assert reasons({"key": "hush"}, {"key": HIDDEN}) == ("key [secret]",)
    assert reasons({}, {"key": HIDDEN}) == ("key [secret]",)
    assert reasons({"key": HIDDEN}, {"key": HIDDEN}) == ()


def test_what_the_cloud_will_say_is_told_as_that() -> None:
    assert reasons({"arn": "a:1"}, {"arn": UNKNOWN}) == (f"arn a:1 → {COMPUTED}",)


def test_the_engines_own_keys_long_values_and_many_changes_are_kept_short() -> None:
    assert reasons({"__defaults": []}, {"__defaults": ["name"]}) == ()
    [reason] = reasons({}, {"policy": "x" * 500})
    assert len(reason) < 100
    assert reasons({}, {f"p{number}": number for number in range(20)})[-1] == "and 12 more"


def test_words_stand_for_what_means_nothing() -> None:
    assert reasons({"image": "r@sha256:1"}, {"image": "r@sha256:2"}, {"r@sha256:2": "new image ab12"}) == (
        "image r@sha256:1 → new image ab12",
    )


def test_kinds_and_names_are_for_people() -> None:
    assert kind_of("toy:lambda/function:Function") == "function (lambda)"
    assert kind_of("toy-native:app:ContainerApp") == "container app (app)"
    assert kind_of("toy:index:Thing") == "thing"
    assert kind_of("toy:projects/iAMBinding:IAMBinding") == "IAM binding (projects)"
    assert name_of("logical", {"name": "physical"}) == "physical"
    assert name_of("logical", {"name": UNKNOWN}) == "logical"
