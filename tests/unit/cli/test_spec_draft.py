"""The text that `init` writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.cli import spec_draft
from mldeploy.cli.spec_draft import Draft, Expected, expected, render, spec_name
from mldeploy.spec.model import NAME_PATTERN, ModelSpec


@pytest.mark.parametrize(
    ("stem", "folder", "name"),
    [
        ("model", "digits", "digits"),
        ("Iris Classifier_v2", "x", "iris-classifier-v2"),
        ("model", "model", "model"),
        ("net", "", "net"),
        ("123", "9lives", "lives"),
        ("é", "ü", "model"),
        ("x" * 60, "", "x" * 40),
        ("best", "2026_run", "run"),
    ],
)
def test_names(stem: str, folder: str, name: str) -> None:
    assert spec_name(stem, folder) == name


@given(st.text(max_size=80), st.text(max_size=80))
def test_every_name_is_valid(stem: str, folder: str) -> None:
    assert re.fullmatch(NAME_PATTERN, spec_name(stem, folder))


DRAFTS = [
    Draft("digits", "model.skops", "scikit-learn", {}, None, None),
    Draft("digits", "my models/model: a.skops", "a # b", {"parity_data": "yes", "trust_pickle": True}, None,
          {"kind": "top_k", "k": 3}, ("input X: FP32 [-1, 64]",),
          Expected("request.json", {"predictions": [[{"label": "no", "score": 0.5}]]}, 1e-3)),
    Draft("cats", "m.onnx", "ONNX", {}, {"kind": "image", "size": [224, 224]}, None, (), Expected("cat.jpg", None, 1e-4)),
]  # fmt: skip


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_text_is_a_valid_spec_that_says_what_was_drafted(draft: Draft) -> None:
    document = yaml.safe_load(render(draft))
    spec = ModelSpec.model_validate(document)
    assert spec.name == draft.name
    assert document["model"]["path"] == draft.model
    for key, value in draft.settings.items():
        assert document["model"][key] == value
    assert document["model"].get("postprocess") == draft.postprocess
    if draft.smoke is None:
        assert "smoke" not in document
    else:
        assert document["smoke"][0]["file"] == draft.smoke.file
        assert document["smoke"][0].get("expect") == draft.smoke.expect


@given(
    st.text(
        st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="\x85\ufeff"), min_size=1, max_size=30
    )
)
def test_any_path_survives_yaml(path: str) -> None:
    draft = Draft("digits", path, "x", {}, None, None)
    text = render(draft).partition("version: 1")[2]
    assert yaml.safe_load("version: 1" + text)["model"]["path"] == path


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_commented_examples_are_valid_when_taken(draft: Draft) -> None:
    text = render(draft)
    taken = re.sub(r"^# (resources:|stages:|smoke:|  )", r"\1", text, flags=re.MULTILINE)
    assert ModelSpec.model_validate(yaml.safe_load(taken)).resources.memory_mb == 512


def test_classes_are_expected_by_label_else_by_index() -> None:
    answer = {"model": "m", "predictions": [[{"label": "9", "index": 9, "score": 0.998123456}, {"index": 1, "score": 0.1}]]}
    assert expected("r.json", answer) == Expected(
        "r.json", {"predictions": [[{"label": "9", "score": 0.9981}, {"index": 1, "score": 0.1}]]}, 1e-3)  # fmt: skip


def test_few_numbers_are_expected_within_a_tolerance_of_their_size() -> None:
    found = expected("r.json", {"outputs": {"y": [[1234.56789, -2]], "n": [1, None]}})
    assert found == Expected("r.json", {"outputs": {"y": [[1234.57, -2]], "n": [1, None]}}, 0.1)
    assert expected("r.json", {"outputs": {"label": ["a"]}}).tolerance == 1e-4


@pytest.mark.parametrize("answer", [None, [1], {"outputs": {"y": [0.0] * 65}}, {"other": 1}])
def test_what_is_too_much_to_expect(answer: Any) -> None:
    assert expected("r.json", answer).expect is None


def test_no_line_of_the_text_is_long() -> None:
    assert all(len(line) <= 128 for draft in DRAFTS for line in render(draft).splitlines())
    assert Path(spec_draft.__file__).is_file()
