"""What a file really is, told by its first bytes; and what to do about a file that is not a model we take.

    sniff(path) ─▶ Kind      name · family ("onnx" | "skops" | "pickle" | "" for refused) · what to do instead

An ONNX file has no magic number: it is recognised as a protobuf message whose fields are those of ModelProto.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import NamedTuple

from mldeploy.errors import ModelError

HEAD_BYTES = 1 << 16


class Kind(NamedTuple):
    """`title` is for a person. `family` is "" for what cannot be packed; `remedy` says what to do then."""

    title: str
    family: str
    remedy: str = ""


ONNX = Kind("an ONNX model", "onnx")
SKOPS = Kind("a skops file", "skops")
PICKLE = Kind("a pickle", "pickle")
JOBLIB = Kind("a compressed joblib file (a pickle)", "pickle")
PYTORCH = Kind(
    "a PyTorch file (.pt)", "", 'export it to ONNX: torch.onnx.export(model, example, "model.onnx", external_data=False)'
)
UNKNOWN = Kind("no model format that mldeploy knows", "", "give an ONNX (.onnx) or scikit-learn (.skops, .joblib) file")

_KERAS = 'export it to ONNX: model.export("model.onnx", format="onnx"), or tf2onnx.convert.from_keras'
_DOWNLOAD = "it was saved instead of the model: download the file itself"

# (offset, magic, kind), the most specific first
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (
        0,
        b"version https://git-lfs.github.com/spec/",
        Kind("a git-LFS pointer, not the file itself", "", "fetch it: git lfs pull"),
    ),
    (0, b"\x89HDF\r\n\x1a\n", Kind("an HDF5 file (Keras .h5)", "", _KERAS)),
    (4, b"TFL3", Kind("a TensorFlow Lite model", "", "convert it to ONNX: python -m tf2onnx.convert --tflite model.tflite")),
    (
        4,
        b"ORTM",
        Kind(
            "an ONNX Runtime .ort file",
            "",
            "give the .onnx file that it was made from: an .ort file is bound to one ONNX Runtime version and cannot be edited",
        ),
    ),
    (0, b"\xff\xd8\xff", Kind("a JPEG image", "")),
    (0, b"\x89PNG", Kind("a PNG image", "")),
    (0, b"%PDF", Kind("a PDF document", "")),
    (0, b"\x7fELF", Kind("an executable", "")),
    (0, b"\x93NUMPY", Kind("a numpy array (.npy)", "", "that holds data, not a model")),
    (0, b"GGUF", Kind("a GGUF file (llama.cpp)", "", "mldeploy does not run it; export the model to ONNX")),
    (0, b"{L\x00\x00", Kind("an XGBoost model (.ubj)", "", "convert it to ONNX: onnxmltools.convert_xgboost")),
    (0, b"tree\nversion=", Kind("a LightGBM model", "", "convert it to ONNX: onnxmltools.convert_lightgbm")),
    (0, b"CBM1", Kind("a CatBoost model", "", 'export it to ONNX: model.save_model("model.onnx", format="onnx")')),
    (0, b"\x1f\x8b", JOBLIB),  # gzip; then the headers of zlib by level, bz2, xz, lzma, lz4, and joblib's own of 2010
    *((0, bytes((0x78, level)), JOBLIB) for level in (0x01, 0x5E, 0x9C, 0xDA)),
    (0, b"BZh", JOBLIB),
    (0, b"\xfd7zXZ\x00", JOBLIB),
    (0, b"\x5d\x00\x00", JOBLIB),
    (0, b"\x04\x22\x4d\x18", JOBLIB),
    (0, b"ZF", JOBLIB),
)

# file name (or, with a leading dot, ending) inside a zip archive -> what it is
_ZIP_MEMBERS: tuple[tuple[str, Kind], ...] = (
    ("schema.json", SKOPS),
    ("data.pkl", PYTORCH),
    ("config.json", Kind("a Keras model (.keras)", "", _KERAS)),
    (".npy", Kind("a numpy archive (.npz)", "", "that holds data, not a model")),
)


def sniff(path: Path) -> Kind:
    """Name the content of a readable, non-empty file."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset) and not (kind is JOBLIB and _is_tar(path)):
            return kind
    if head.startswith(b"PK\x03\x04"):
        return _zip_kind(path)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return Kind("a web page (HTML or XML), perhaps an error page", "", _DOWNLOAD)
    if _is_pickle(head):
        return PICKLE
    if _is_safetensors(head):
        return Kind("a safetensors file", "", "it holds weights without the network: export the model to ONNX")
    if is_onnx(head):
        return ONNX
    if text.startswith((b"{", b"[")):
        return Kind("a JSON document", "", "a model in a format of your own needs `format: python` and a hook")
    return UNKNOWN


def check_usable(path: Path, what: str) -> None:
    """Raise ModelError unless `path` is a file with something in it that can be read. `what` is the spec key that named it."""
    try:
        if path.is_dir():
            raise ModelError(f"{what}: {path} is a folder, not a file", _folder_remedy(path))
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except FileNotFoundError:
        raise ModelError(f"{what}: {path} does not exist", "paths are relative to the spec file") from None
    except OSError as error:
        raise ModelError(f"{what}: {path} cannot be read ({error.strerror})") from error
    if is_empty:
        raise ModelError(f"{what}: {path} is empty (0 bytes)", "write or copy the file again")


def _folder_remedy(path: Path) -> str:
    if (path / "saved_model.pb").exists():
        return "a TensorFlow SavedModel: convert it to ONNX with python -m tf2onnx.convert --saved-model"
    return "name the model file itself"


def _zip_kind(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return Kind("a zip archive that is cut off or damaged", "", "write or copy the file again")
    for member, kind in _ZIP_MEMBERS:
        if any(name.endswith(member) if member.startswith(".") else name.rpartition("/")[2] == member for name in names):
            return kind
    return Kind("a zip archive", "", "unpack it and give the model file inside")


def _is_tar(path: Path) -> bool:
    import tarfile

    try:
        return tarfile.is_tarfile(path)
    except Exception:  # each compression has an error class of its own for a damaged stream
        return False


def _is_pickle(head: bytes) -> bool:
    """By the PROTO opcode of protocols 2 to 5, or what protocol 0 starts an object or a container with."""
    if len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5:
        return True
    return re.match(rb"c[\w.]+\n[\w.]+\n|\([dlt]p", head) is not None


def _is_safetensors(head: bytes) -> bool:
    """Eight bytes of little-endian length, then a JSON object."""
    return (
        len(head) > 9 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") < 1 << 32 and head[9:10] in (b'"', b"}")
    )


def is_onnx(head: bytes) -> bool:
    """True when `head` starts like a ModelProto: known field numbers with their wire types, ir_version or a graph among them.

    Fields: 1 ir_version (varint) · 2–4, 6, 10 strings · 5 model_version (varint) · 7 graph · 8 opset_import · 14 metadata ·
    20 training · 25 functions · 26 configuration (onnx.proto, ModelProto).
    """
    varints, blocks = {1, 5}, {2, 3, 4, 6, 7, 8, 14, 20, 25, 26}
    position, seen = 0, set[int]()
    while position < len(head):
        tag, position = varint(head, position)
        field, wire = tag >> 3, tag & 7
        if wire != (0 if field in varints else 2) or field not in varints | blocks:
            return False
        seen.add(field)
        value, position = varint(head, position)
        if wire == 2:
            position += value
    return 7 in seen or (1 in seen and 8 in seen)


def varint(data: bytes, position: int) -> tuple[int, int]:
    """(value, position behind it) of a protobuf varint."""
    value = shift = 0
    while position < len(data):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            break
    return value, position
