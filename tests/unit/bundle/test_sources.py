"""What a file really is, and what the spec names: every wrong file is called by its name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile

import joblib
import numpy as np
import pytest
from PIL import Image

from mldeploy.bundle import sniff
from mldeploy.errors import ModelError


def zipped(*members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member in members:
            archive.writestr(member, "x")
    return buffer.getvalue()


def image(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, form)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("model.onnx"))
    return buffer.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(2))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "title", "remedy"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git-LFS pointer", "git lfs pull"),
        (b"\x89HDF\r\n\x1a\n....", "Keras .h5", "tf2onnx"),
        (b"\x1c\x00\x00\x00TFL3....", "TensorFlow Lite", "tf2onnx"),
        (b"\x1c\x00\x00\x00ORTM....", ".ort file", ".onnx file that it was made from"),
        (image("JPEG"), "a JPEG image", "give the model file"),
        (image("PNG"), "a PNG image", "give the model file"),
        (b"%PDF-1.7 ....", "PDF", "give the model file"),
        (b"\x7fELF....", "executable", "give the model file"),
        (array(), "numpy array", "holds data"),
        (b"GGUF....", "llama.cpp", "ONNX"),
        (b"{L\x00\x00\x00\x00....", "XGBoost", "onnxmltools"),
        (b"tree\nversion=v4\n", "LightGBM", "onnxmltools"),
        (b"CBM1....", "CatBoost", 'format="onnx"'),
        (zipped("archive/data.pkl"), "PyTorch", "torch.onnx.export"),
        (zipped("config.json", "model.weights.h5"), "Keras model", "tf2onnx"),
        (zipped("x.npy"), "numpy archive", "holds data"),
        (zipped("readme.txt"), "a zip archive", "unpack"),
        (zipped("schema.json")[:40], "cut off or damaged", "copy the file again"),
        (b"\n<!DOCTYPE html><html>404</html>", "web page", "download the file itself"),
        (b"<?xml version='1.0'?><Error/>", "web page", "download the file itself"),
        (b'\x10\x00\x00\x00\x00\x00\x00\x00{"a":{}}', "safetensors", "weights without the network"),
        (b'{"a": 1}', "JSON", "format: python"),
        (tarred(), "no model format", "ONNX"),
        (b"hello world, this is text", "no model format", "ONNX"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else value,
)
def test_a_file_that_is_not_a_model_is_named(pack, tmp_path, content, title, remedy):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError) as caught:
        pack(path="model.onnx")
    assert title in caught.value.message
    assert ".onnx says" in caught.value.message
    assert remedy in (caught.value.hint or "")
    assert str(tmp_path / "model.onnx") in caught.value.message


@pytest.mark.parametrize(
    "content",
    [
        *(pickle.dumps({"a": 1}, protocol) for protocol in (2, 3, 4, 5)),
        pickle.dumps(OSError(), 0),
        gzip.compress(b"x"),
        bz2.compress(b"x"),
        lzma.compress(b"x"),
        b"ZF0x00",
        b"\x04\x22\x4d\x18....",
    ],
    ids=lambda value: value[:2].hex(),
)
def test_pickles_are_found_by_content_whatever_the_suffix(pack, tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError) as caught:
        pack(path="model.onnx")
    assert "can run any code" in caught.value.message
    assert "skops.io.dump(model" in caught.value.hint
    assert "trust_pickle: true" in caught.value.hint


@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)])
def test_every_compression_of_joblib_is_a_pickle(tmp_path, compress):
    joblib.dump({"a": np.arange(10)}, tmp_path / "model.bin", compress=compress)
    assert sniff.sniff(tmp_path / "model.bin").family == "pickle"


def test_a_damaged_compressed_file_is_still_a_pickle(tmp_path):
    (tmp_path / "model.joblib").write_bytes(gzip.compress(pickle.dumps(list(range(1000))))[:40])
    assert sniff.sniff(tmp_path / "model.joblib") is sniff.JOBLIB
    (tmp_path / "model.joblib").write_bytes(b"\x1f\x8b\x08\x00" + b"\xff" * 40)
    assert sniff.sniff(tmp_path / "model.joblib") is sniff.JOBLIB


def test_an_onnx_file_is_known_by_its_fields(linear, network, tmp_path):
    linear()
    assert sniff.sniff(tmp_path / "model.onnx") is sniff.ONNX
    network()
    assert sniff.sniff(tmp_path / "model.onnx") is sniff.ONNX
    assert not sniff.is_onnx(b"\x08\x07")
    assert not sniff.is_onnx(b"\x08\x08\x12\x03abc\x7a\x01")
    assert not sniff.is_onnx(b"")
    assert not sniff.is_onnx(b"\x08")


def test_missing_empty_folder_unreadable(pack, tmp_path, monkeypatch):
    with pytest.raises(ModelError, match=r"model\.path: .*model\.onnx does not exist"):
        pack(path="model.onnx")
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match="is empty"):
        pack(path="model.onnx")
    (tmp_path / "saved").mkdir()
    with pytest.raises(ModelError, match="is a folder"):
        pack(path="saved")
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(ModelError) as caught:
        pack(path="saved")
    assert "SavedModel" in caught.value.hint
    with pytest.raises(ModelError, match="cannot be read"):
        pack(path="model.onnx/inside")


def test_no_model_at_all(pack):
    with pytest.raises(ModelError, match=r"model\.path is missing"):
        pack()


def test_a_format_that_the_file_does_not_have(pack, linear):
    linear()
    with pytest.raises(ModelError, match=r"model\.format says sklearn, but the file is an ONNX model"):
        pack(path="model.onnx", format="sklearn")


def test_labels_from_a_file(pack, linear, tmp_path):
    linear()
    (tmp_path / "labels.txt").write_bytes("\ufeffa\r\nb\nc\nd é\ne\nf\n\n".encode())
    assert pack(path="model.onnx", labels="labels.txt").labels == ("a", "b", "c", "d é", "e", "f")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\n\nb\n", "labels.txt:2 is blank"),
        (b"a\xff\n", "not UTF-8"),
        (b"", "is empty"),
    ],
)
def test_labels_that_cannot_be_read(pack, linear, tmp_path, content, message):
    linear()
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        pack(path="model.onnx", labels="labels.txt")


def test_a_tool_that_is_not_installed(pack, linear, tmp_path, monkeypatch):
    from mldeploy.bundle import packing

    def missing(name):
        raise packing.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packing.metadata, "version", missing)
    linear()
    with pytest.raises(ModelError, match="onnx is not installed"):
        pack(path="model.onnx")
    joblib.dump({}, tmp_path / "model.joblib")
    with pytest.raises(ModelError) as caught:
        pack(path="model.joblib", trust_pickle=True, convert=False)
    assert caught.value.hint == "pip install 'mldeploy[sklearn]'"


def test_a_model_that_is_called_like_another_kind_is_refused_unless_its_format_is_said(pack, linear, tmp_path):
    linear()
    (tmp_path / "model.onnx").rename(tmp_path / "model.skops")
    with pytest.raises(ModelError) as caught:
        pack(path="model.skops")
    assert "is an ONNX model, whatever its suffix .skops says" in caught.value.message
    assert "model.format: onnx" in caught.value.hint
    assert pack(path="model.skops", format="onnx").format == "onnx"


def test_a_hook_given_as_a_model_is_told_where_it_belongs(pack, tmp_path):
    (tmp_path / "hook.py").write_text("def predict(model, inputs):\n    return inputs\n")
    with pytest.raises(ModelError) as caught:
        pack(path="hook.py")
    assert "format: python" in caught.value.hint
