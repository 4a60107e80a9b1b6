"""Images → one uint8 tensor [N, height, width, channels], through Pillow alone (imported with the first image, no numpy).

    file(s) or base64 ─image_file.read─▶ RGB or L, upright ─resize, crop─▶ bytes

Sizes and rounding are torchvision's on PIL images, so that what a model was validated with is what it gets:

    shorter_side  Resize to (resize_to, int(resize_to * long / short)), then CenterCrop (offset: half the rest, rounded).
                  Both are one Pillow call with `box`: the same pixels, but only those that are kept are computed.
                  A crop beyond the picture is padded with `pad`.
    stretch       Resize to (height, width)
    fit           ImageOps.pad: the largest that fits, centred on `pad`
    none          the picture must have that size already

With decode "fast" a JPEG is decoded at 1/2, 1/4 or 1/8 first, never below twice the target: quicker, and close, not equal.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Any

from mldeploy.handlers import codec_json, image_file
from mldeploy.handlers.elements import shown
from mldeploy.handlers.manifest import ImagePreprocess
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import Tensor, TensorSpec

if TYPE_CHECKING:
    from PIL.Image import Image

# A tiny file can decode to a large tensor: this bounds what one request may unfold to.
MAX_IMAGES = 64

_FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}  # Image.Resampling
_EXPECTED = 'a base64 string, {"b64": …}, or a list of these'
# 8 x 8 grey pixels.
_JPEG = b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP/////////////////////////////////////////////////////////////////////"
    "/////////////////wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AR//Z"
)


def from_json(value: Any, preprocess: ImagePreprocess, spec: TensorSpec, field: str) -> Tensor:
    """Image(s) in base64, as they stand in JSON. Raises Problem."""
    rows = value if isinstance(value, list) else [value]
    fields = [f"{field}[{index}]" for index in range(len(rows))] if isinstance(value, list) else [field]
    _check_count(len(rows), spec, field)
    return batch([(name, _bytes(row, name)) for name, row in zip(fields, rows, strict=True)], preprocess, spec, field)


def batch(files: list[tuple[str, bytes]], preprocess: ImagePreprocess, spec: TensorSpec, field: str = "body") -> Tensor:
    """Image files, each with the name of its place in the request, as one tensor. Raises Problem."""
    _check_count(len(files), spec, field)
    shape = (len(files), preprocess.height, preprocess.width, 1 if preprocess.color == "L" else 3)
    codec_json.check_shape(shape, spec, field)
    return Tensor(spec.dtype, shape, b"".join(pixels(data, preprocess, name) for name, data in files))


def pixels(data: bytes, preprocess: ImagePreprocess, field: str) -> bytes:
    """One image file as height x width x channels bytes. Raises Problem invalid-image."""
    image = image_file.read(data, "L" if preprocess.color == "L" else "RGB", field, _least_px(preprocess))
    return _sized(image, preprocess, field).tobytes("raw", preprocess.color)


def warm_up() -> None:
    """Import Pillow and decode one tiny JPEG, so that the first request need not."""
    size = ImagePreprocess(
        input="", height=4, width=4, resize="stretch", resize_to=4, filter="bilinear", color="RGB", pad=0, decode="exact"
    )
    pixels(_JPEG, size, "warm-up")


def _least_px(preprocess: ImagePreprocess) -> tuple[int, int] | None:
    """How small (width, height) a JPEG may be decoded: twice what it is resized to. None: not smaller than it is."""
    if preprocess.decode != "fast" or preprocess.resize == "none":
        return None
    if preprocess.resize == "shorter_side":
        return 2 * preprocess.resize_to, 2 * preprocess.resize_to
    return 2 * preprocess.width, 2 * preprocess.height


def _check_count(count: int, spec: TensorSpec, field: str) -> None:
    most = MAX_IMAGES if spec.shape[0] == -1 else spec.shape[0]
    if not 1 <= count <= most:
        expected = "1 image" if most == 1 else f"1 to {most} images"
        raise Problem("invalid-input", f"{field} has {count} images; expected {expected}", field=field, expected=expected)


def _bytes(value: Any, field: str) -> bytes:
    """The file in a base64 string or {"b64": string}; line breaks and a data: prefix are let pass."""
    if isinstance(value, dict) and list(value) == ["b64"]:
        field, value = f"{field}.b64", value["b64"]
    if not isinstance(value, str):
        raise Problem("invalid-input", f"{field} is {shown(value)}; expected {_EXPECTED}", field=field, expected=_EXPECTED)
    if value.startswith("data:"):
        value = value.partition(",")[2]
    try:
        return b64decode("".join(value.split()), validate=True)
    except (Base64Error, ValueError) as error:
        raise Problem("invalid-input", f"{field} is not valid base64: {error}", field=field, expected=_EXPECTED) from None


def _sized(image: Image, preprocess: ImagePreprocess, field: str) -> Image:
    target = (preprocess.width, preprocess.height)
    if preprocess.resize == "shorter_side":
        return _shorter_side(image, preprocess)
    if preprocess.resize == "stretch":
        return image.resize(target, _FILTERS[preprocess.filter])
    if preprocess.resize == "fit":
        return _fit(image, preprocess)
    if image.size != target:
        expected = f"{target[0]} x {target[1]} px"
        raise Problem(
            "invalid-image",
            f"{field}: the image is {image.width} x {image.height} px; expected {expected}",
            field=field,
            expected=expected,
        )
    return image


def _shorter_side(image: Image, preprocess: ImagePreprocess) -> Image:
    """Resize the shorter side to `resize_to` and cut the centre out, in one call on the part that is kept."""
    (width, height), side = image.size, preprocess.resize_to
    resized = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
    spans = [_kept(length, wanted) for length, wanted in zip(resized, (preprocess.width, preprocess.height), strict=True)]
    (left, right, x), (top, bottom, y) = spans
    box = (left * width / resized[0], top * height / resized[1], right * width / resized[0], bottom * height / resized[1])
    part = image.resize((right - left, bottom - top), _FILTERS[preprocess.filter], box)
    return _on_canvas(part, preprocess, x, y)


def _kept(length: int, wanted: int) -> tuple[int, int, int]:
    """Of an axis of `length`, the centre `wanted`: first and last pixel kept, and where the first one lands in the result."""
    if length < wanted:
        return 0, length, (wanted - length) // 2
    first = round((length - wanted) / 2)
    return first, first + wanted, 0


def _fit(image: Image, preprocess: ImagePreprocess) -> Image:
    """The whole picture, as large as fits, centred."""
    width, height = preprocess.width, preprocess.height
    ratio, wanted = image.width / image.height, width / height
    if ratio > wanted:
        height = max(1, round(image.height / image.width * width))
    elif ratio < wanted:
        width = max(1, round(ratio * height))
    part = image.resize((width, height), _FILTERS[preprocess.filter])
    return _on_canvas(part, preprocess, round((preprocess.width - width) / 2), round((preprocess.height - height) / 2))


def _on_canvas(part: Image, preprocess: ImagePreprocess, x: int, y: int) -> Image:
    size = (preprocess.width, preprocess.height)
    if part.size == size:
        return part
    from PIL import Image

    canvas = Image.new(part.mode, size, (preprocess.pad,) * len(part.getbands()))
    canvas.paste(part, (x, y))
    return canvas
