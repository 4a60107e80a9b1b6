"""bundle.json: what is read, and what is refused before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mldeploy.handlers.manifest import Column, ImagePreprocess, Manifest, ManifestError, TabularPreprocess, TopK, read
from mldeploy.handlers.problems import Problem, to_response
from mldeploy.handlers.tensor import TensorSpec

IMAGE = ImagePreprocess("x", 8, 6, "stretch", 8, "bilinear", "RGB", 0, "exact")
COLUMN = Column("age", "FP32", "x", 0)


def test_a_whole_manifest(make_manifest: Callable[..., Manifest]) -> None:
    manifest = make_manifest(top_k={"k": 5, "indices": "i", "scores": "s"}, labels=["a", 7])
    assert manifest.inputs == (TensorSpec("x", "FP32", (-1, 4)),)
    assert manifest.top_k == TopK(5, "i", "s")
    assert manifest.labels == ("a", "7")
    assert manifest.raw["fingerprint"] == manifest.fingerprint
    assert make_manifest(preprocess={"kind": "image", **IMAGE._asdict()}).preprocess == IMAGE
    table = make_manifest(preprocess={"kind": "tabular", "columns": [COLUMN._asdict()]})
    assert table.preprocess == TabularPreprocess((COLUMN,))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"schema": 2}, "has bundle schema 2; this runtime reads schema 1"),
        ({"inputs": [{"name": "x"}]}, "is damaged: KeyError: 'dtype'"),
        ({"inputs": 3}, "is damaged: TypeError"),
        ({"inputs": [{"name": "x", "dtype": "FP32", "shape": ["N"]}]}, "is damaged: ValueError"),
        ({"preprocess": {"kind": "audio"}}, "is damaged: KeyError: \"preprocess kind 'audio'\""),
        ({"preprocess": {"kind": "image", "input": "x"}}, "is damaged: TypeError"),
        ({"top_k": {"k": 1}}, "is damaged: TypeError"),
    ],
)
def test_a_damaged_manifest_says_where(write_bundle: Callable[..., Path], changes: dict[str, Any], says: str) -> None:
    folder = write_bundle(**changes)
    with pytest.raises(ManifestError) as caught:
        read(folder)
    assert says in str(caught.value)
    assert str(folder / "bundle.json") in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"), [(b"{", "cannot be read"), (b"\xff", "cannot be read"), (b"[]", "bundle schema None")]
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "bundle.json").write_bytes(content)
    with pytest.raises(ManifestError, match=says):
        read(str(tmp_path))


def test_a_problem_without_particulars_has_none() -> None:
    response = to_response(Problem("internal", "no more is known"), "")
    assert response.status == 500
    assert b"field" not in response.body
    assert b"instance" not in response.body
