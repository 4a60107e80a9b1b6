"""What a bundle will be, before it is packed; and the sample request that it brings along."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mldeploy import bundle
from mldeploy.bundle import sources
from mldeploy.errors import ModelError
from mldeploy.handlers import manifest, sample
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import ModelSpec

PYTHON = {
    "format": "python",
    "hook": "hook.py",
    "inputs": [{"name": "x", "dtype": "FP32", "shape": [-1]}],
    "outputs": [{"name": "y", "dtype": "FP32", "shape": [-1]}],
}


@pytest.fixture
def with_smoke(tmp_path):
    """with_smoke([...]) -> a LoadedSpec of a Python hook with these smoke requests."""
    (tmp_path / "hook.py").write_text("def load(d): return 1\ndef predict(m, i): return i\n")

    def make(smoke):
        spec = ModelSpec.model_validate({"version": 1, "name": "demo", "model": PYTHON, "smoke": smoke})
        return LoadedSpec(spec, str(tmp_path / "mldeploy.yaml"), tmp_path, "dev", {})

    return make


def test_identified_before_it_is_packed_and_known_after(with_smoke, tmp_path):
    loaded, store = with_smoke([]), tmp_path / "store"
    before = bundle.identify(loaded, store)
    assert (before.is_packed, before.is_cached, before.inputs) == (False, False, ())
    assert not store.exists()
    packed = bundle.pack(loaded, store)
    assert (packed.fingerprint, packed.root, packed.format) == (before.fingerprint, before.root, before.format)
    after = bundle.identify(loaded, store)
    assert after.is_packed
    assert after.is_cached
    assert after.inputs == packed.inputs


def test_a_scikit_learn_model_will_be_served_as_onnx_unless_told_otherwise(load, tmp_path):
    import skops.io
    from sklearn.linear_model import LogisticRegression

    skops.io.dump(LogisticRegression(), tmp_path / "model.skops")
    assert bundle.identify(load(path="model.skops"), tmp_path / "store").format == "onnx"
    assert bundle.identify(load(path="model.skops", convert=False), tmp_path / "store").format == "sklearn"


def test_identifying_imports_nothing_heavy(tmp_path, linear):
    linear()
    script = (
        "import sys\nfrom pathlib import Path\nfrom mldeploy import bundle\n"
        "from mldeploy.spec.loaded import LoadedSpec\nfrom mldeploy.spec.model import ModelSpec\n"
        "spec = ModelSpec.model_validate({'version': 1, 'name': 'demo', 'model': {'path': 'model.onnx'}})\n"
        "found = bundle.identify(LoadedSpec(spec, 'mldeploy.yaml', Path('.'), 'dev', {}), Path('store'))\n"
        "heavy = ('onnx', 'numpy', 'onnxruntime', 'sklearn', 'PIL')\n"
        "print([found.is_packed, *(name for name in heavy if name in sys.modules)])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[False]"


def test_a_missing_source_is_named(load, tmp_path):
    with pytest.raises(ModelError, match=r"model\.path"):
        bundle.identify(load(path="gone.onnx"), tmp_path / "store")


def test_the_first_small_json_request_is_the_sample(with_smoke, tmp_path):
    (tmp_path / "cat.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "request.json").write_text(json.dumps({"inputs": [1.0, 2.0]}))
    loaded = with_smoke([{"file": "cat.jpg"}, {"inputs": [9], "status": 422}, {"file": "request.json"}, {"inputs": [3.0]}])
    assert sources.read_sample(loaded) == [1.0, 2.0]
    packed = bundle.pack(loaded, tmp_path / "store")
    read = manifest.read(packed.root)
    assert read.raw["sample"] == [1.0, 2.0]
    assert sample.inputs(read) == [1.0, 2.0]


@pytest.mark.parametrize("smoke", [[], [{"inputs": [0.5] * 5000}], [{"file": "large.json"}], [{"file": "odd.json"}]])
def test_no_sample_no_key(with_smoke, tmp_path, smoke):
    (tmp_path / "large.json").write_text(json.dumps({"inputs": [0.5] * 5000}))
    (tmp_path / "odd.json").write_text("[1]")
    packed = bundle.pack(with_smoke(smoke), tmp_path / "store")
    assert "sample" not in manifest.read(packed.root).raw


def test_another_sample_is_another_bundle(with_smoke, tmp_path):
    one, two = (bundle.identify(with_smoke([{"inputs": [value]}]), tmp_path / "store") for value in (1.0, 2.0))
    assert one.fingerprint != two.fingerprint
