"""A sample request: what /openapi.json and the page show, and what really works when sent.

The bundle brings one along when the spec has a smoke request in JSON. Otherwise it is made from the signature, of neutral
values (zeros, an empty string, a grey picture): they show the form of a request, not a telling answer.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

from mldeploy.handlers.manifest import Column, ImagePreprocess, Manifest, TabularPreprocess
from mldeploy.handlers.tensor import element_count

# Past this many numbers a sample is noise in a document and slow in an editor.
LARGEST = 4096
# A picture no larger than this, unless the model takes exactly one size.
_SIDE_PX = 32


def takes_raw_inputs(manifest: Manifest) -> bool:
    """Whether a hook of the user's may decide what POST /predict's inputs look like."""
    return bool(manifest.hook) and manifest.format != "python"


def inputs(manifest: Manifest) -> Any:
    """A value for `{"inputs": …}`, or None where only the user's hook or a person knows one."""
    if "sample" in manifest.raw:
        return manifest.raw["sample"]
    if takes_raw_inputs(manifest):
        return None
    match manifest.preprocess:
        case ImagePreprocess() as image:
            picture = {"b64": base64.b64encode(png(image)).decode("ascii")}
            others = {name: value for name, value in tensors(manifest).items() if name != image.input}
            return {image.input: picture, **others} if others else picture
        case TabularPreprocess(columns):
            return [{column.name: scalar(column.dtype) for column in columns}]
    values = tensors(manifest)
    if any(value is None for value in values.values()):
        return None
    return values if len(values) > 1 else next(iter(values.values()), None)


def tensors(manifest: Manifest) -> dict[str, Any]:
    """A nested list for each graph input, dynamic axes of size one; None for one that would be too large to show."""
    return {spec.name: nested(spec.dtype, concrete(spec.shape)) for spec in manifest.inputs}


def concrete(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with every dynamic axis at 1."""
    return tuple(1 if axis == -1 else axis for axis in shape)


def nested(dtype: str, shape: tuple[int, ...]) -> Any:
    """Nested lists of the neutral value; None past LARGEST elements."""
    if element_count(shape) > LARGEST:
        return None
    value: Any = scalar(dtype)
    for axis in reversed(shape):
        value = [value] * axis
    return value


def scalar(dtype: str) -> Any:
    """The neutral value of a dtype, as JSON."""
    if dtype == "BYTES":
        return ""
    if dtype == "BOOL":
        return False
    return 0.0 if dtype in ("FP16", "BF16", "FP32", "FP64") else 0


def csv(columns: tuple[Column, ...]) -> str:
    """A header and one row."""
    return "".join(
        ",".join(_quoted(cell) for cell in row) + "\n"
        for row in ([c.name for c in columns], [str(scalar(c.dtype)).lower() for c in columns])
    )


def _quoted(cell: str) -> str:
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if not cell or any(mark in cell for mark in ',"\r\n') else cell


def png(image: ImagePreprocess) -> bytes:
    """A grey PNG that the model takes: of exactly its size where nothing is resized, else a small one."""
    is_exact = image.resize == "none"
    width, height = (image.width, image.height) if is_exact else (_SIDE_PX, _SIDE_PX)
    rows = (b"\x00" + b"\x80" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
