"""`format: python`: the hook is checked without running it, the signature is the declared one."""

from __future__ import annotations

import pytest

from mldeploy.errors import ModelError
from mldeploy.handlers import manifest

SIGNATURE = {
    "inputs": [{"name": "x", "dtype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "y", "dtype": "FP32", "shape": [-1]}],
}
HOOK = "import json\nfrom pathlib import Path\n\ndef load(model_dir): return 1\n\ndef predict(model, inputs): return inputs\n"


@pytest.fixture
def hook(tmp_path):
    def write(text=HOOK):
        (tmp_path / "my_hook.py").write_bytes(text if isinstance(text, bytes) else text.encode())
        return {"format": "python", "hook": "my_hook.py", **SIGNATURE}

    return write


def test_files_and_document(pack, hook, tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"\x00anything")
    packed = pack(path="weights.bin", **hook())
    found = manifest.read(packed.root)
    assert (found.format, found.entry, found.hook) == ("python", "weights.bin", "hook.py")
    assert sorted(path.name for path in packed.root.iterdir()) == ["bundle.json", "hook.py", "weights.bin"]
    assert [tuple(spec) for spec in found.inputs] == [("x", "FP32", (-1, 2))]
    assert found.raw["toolchain"].keys() == {"mldeploy"}


def test_no_model_file_is_needed(pack, hook):
    assert manifest.read(pack(**hook()).root).entry == ""


@pytest.mark.parametrize("name", ["bundle.json", "hook.py"])
def test_names_that_the_bundle_uses(pack, hook, tmp_path, name):
    (tmp_path / name).write_text("x")
    with pytest.raises(ModelError, match=f"may not be called {name}"):
        pack(path=name, **hook())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def load(d: pass\n", r"my_hook\.py:1: the hook is not valid Python"),
        (b"x = 1\n\x00", "the hook is not valid Python"),
        ("def load(d): pass\n", "defines no predict"),
        ("x = 1\n", "defines no load and no predict"),
        (HOOK + "import features\n", r"my_hook\.py:7: the hook imports 'features' from beside it"),
        (HOOK + "from features.parts import a\n", "imports 'features'"),
        (HOOK + "from .features import a\n", "imports 'features'"),
        (HOOK + "from . import package\n", "imports 'package'"),
    ],
)
def test_a_hook_that_cannot_work(pack, hook, tmp_path, text, message):
    (tmp_path / "features.py").write_text("")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    with pytest.raises(ModelError, match=message):
        pack(**hook(text))


@pytest.mark.parametrize(
    "text",
    [
        "load = predict = print\n",
        "from os.path import exists as load\nimport json as predict\n",
        "from some_package import *\n",
        "try:\n    import fast as load\nexcept ImportError:\n    def load(d): pass\nif 1:\n    async def predict(m, i): pass\n",
        "class load: pass\nclass predict: pass\nx.y = 1\n",
    ],
)
def test_names_may_be_bound_in_any_way(pack, hook, text):
    assert pack(**hook(text)).format == "python"


def test_a_hook_of_an_onnx_model_defines_pre_or_postprocess(pack, linear, tmp_path):
    linear()
    (tmp_path / "hook.py").write_text(HOOK)
    with pytest.raises(ModelError, match="defines neither preprocess nor postprocess") as caught:
        pack(path="model.onnx", hook="hook.py")
    assert "this model is onnx" in caught.value.hint
    (tmp_path / "hook.py").write_text("def postprocess(outputs): return outputs\n")
    packed = pack(path="model.onnx", hook="hook.py")
    assert manifest.read(packed.root).hook == "hook.py"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hook": None}, "model.hook is missing"),
        ({"inputs": None}, "model.inputs is missing"),
        ({"outputs": []}, "model.outputs is missing"),
        ({"inputs": SIGNATURE["inputs"] * 2}, "two tensors have one name"),
        ({"postprocess": {"kind": "softmax"}}, "softmax is compiled into an ONNX graph; a python model has none"),
        (
            {"preprocess": {"kind": "image", "size": [4, 4], "mean": 0.5, "scale": 1.0}},
            "mean, scale would be compiled into an ONNX graph",
        ),
        ({"preprocess": {"kind": "image", "size": [4, 4]}}, r"give \[N, 4, 4, 3\], but input 'x' takes FP32 \[-1, 2\]"),
        ({"preprocess": {"kind": "tabular", "columns": ["a"]}}, "1 columns for input 'x', which takes 2"),
    ],
)
def test_what_it_declares_must_fit(pack, hook, change, message):
    with pytest.raises(ModelError, match=message):
        pack(**{**hook(), **change})


def test_images_and_columns(pack, hook):
    pixels = {"name": "x", "dtype": "UINT8", "shape": [-1, 4, 6, 3]}
    packed = pack(**{**hook(), "inputs": [pixels], "preprocess": {"kind": "image", "size": [4, 6], "color": "BGR"}})
    found = manifest.read(packed.root).preprocess
    assert (found.height, found.width, found.color, found.resize_to) == (4, 6, "BGR", 6)
    with pytest.raises(ModelError, match="is declared FP32; without a graph an image arrives as UINT8"):
        pack(**{**hook(), "inputs": [pixels | {"dtype": "FP32"}], "preprocess": {"kind": "image", "size": [4, 6]}})
    packed = pack(**{**hook(), "preprocess": {"kind": "tabular", "columns": ["a", "b"]}})
    assert [tuple(column) for column in manifest.read(packed.root).preprocess.columns] == [
        ("a", "FP32", "x", 0),
        ("b", "FP32", "x", 1),
    ]
    with pytest.raises(ModelError, match="'b' is declared int"):
        pack(**{**hook(), "preprocess": {"kind": "tabular", "columns": ["a", {"name": "b", "dtype": "int"}]}})
