"""The fingerprint: the same inputs give the same digits, anything that matters gives others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.bundle import fingerprint

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(st.text(max_size=8), values, max_size=6)


@given(documents)
def test_canonical_form_loses_nothing(document):
    assert json.loads(fingerprint.canonical(document)) == json.loads(json.dumps(document))


@given(documents)
def test_order_of_keys_does_not_matter(document):
    def reversed_keys(value):
        if isinstance(value, dict):
            return {key: reversed_keys(value[key]) for key in reversed(list(value))}
        return [reversed_keys(item) for item in value] if isinstance(value, list) else value

    assert fingerprint.of(document) == fingerprint.of(reversed_keys(document))


@given(documents, documents)
def test_different_documents_differ(one, other):
    same = fingerprint.canonical(one) == fingerprint.canonical(other)
    assert (fingerprint.of(one) == fingerprint.of(other)) is same


def test_a_known_document_has_a_known_fingerprint():
    # pinned: a change here means that every bundle of every user is packed and deployed anew
    assert fingerprint.of({"b": [1, 2.5, None], "a": "é"}) == "84afbf1d4853005f9dd0c81cb1819b53ce86978340764c062160f6e8356665de"
    assert fingerprint.canonical({"b": [1, 2.5, None], "a": "é"}) == b'{"a":"\\u00e9","b":[1,2.5,null]}'


def test_nan_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint.canonical({"a": float("nan")})


def test_same_in_another_process_whatever_hash_seed_and_folder(linear, load, tmp_path):
    linear()
    from mldeploy.bundle.sources import read_sources

    here = fingerprint.of(read_sources(load(path="model.onnx", labels=list("abcdef"))).fingerprint_document())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "renamed.onnx").write_bytes((tmp_path / "model.onnx").read_bytes())
    script = (
        "from pathlib import Path\n"
        "from mldeploy.bundle import fingerprint\n"
        "from mldeploy.bundle.sources import read_sources\n"
        "from mldeploy.spec.loaded import LoadedSpec\n"
        "from mldeploy.spec.model import ModelSpec\n"
        "model = {'labels': list('abcdef'), 'path': 'renamed.onnx'}\n"
        "spec = ModelSpec.model_validate({'version': 1, 'name': 'demo', 'model': model})\n"
        "print(fingerprint.of(read_sources(LoadedSpec(spec, 'other.yaml', Path('.'), 'prod', {})).fingerprint_document()))\n"
    )
    env = {**os.environ, "PYTHONHASHSEED": "123"}
    there = subprocess.run([sys.executable, "-c", script], cwd=elsewhere, env=env, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"labels": list("abcdeg")},
        {"postprocess": {"kind": "softmax"}},
        {"parity_tolerance": 0.1},
    ],
)
def test_what_matters_changes_it(linear, load, change):
    from mldeploy.bundle.sources import read_sources

    linear()
    base = {"path": "model.onnx", "labels": list("abcdef")}
    one, other = (fingerprint.of(read_sources(load(**s)).fingerprint_document()) for s in (base, base | change))
    assert one != other


def test_model_bytes_change_it(linear, load):
    from mldeploy.bundle.sources import read_sources

    linear()
    one = read_sources(load(path="model.onnx")).digests
    linear(scale=2.0)
    assert read_sources(load(path="model.onnx")).digests != one


def test_a_versions_change_it(linear, load, tmp_path, monkeypatch):
    from mldeploy.bundle import packing

    linear()
    first = packing.pack(load(path="model.onnx"), tmp_path / "store")
    monkeypatch.setattr(packing.metadata, "version", lambda name: "99")
    second = packing.pack(load(path="model.onnx"), tmp_path / "store")
    assert first.fingerprint != second.fingerprint


def test_digest_of_a_file(tmp_path: Path):
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    assert fingerprint.file_sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
