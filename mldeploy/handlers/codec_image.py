"""Images → one uint8 tensor [N, height, width, channels], through Pillow alone (imported with the first image, no numpy).

    file(s) or base64 ─image_file.read─▶ RGB or L, upright ─resize, crop─▶ bytes

Sizes and rounding are torchvision's on PIL images, so that what a model was validated with is what it gets:

    shorter_side  Resize to (resize_to, int(resize_to * long / short)), then CenterCrop (offset: half the rest, rounded).
                  A crop beyond the picture is padded with `pad`.
    stretch       Resize to (height, width)
    fit           ImageOps.pad: the largest that fits, centred on `pad`
    none          the picture must have that size already

Resize and crop stay two steps: in one call with `box` Pillow orders its passes by cost, and up to 2 of 255 differ (bilinear;
more with bicubic). Only a picture so long that its resized self would not fit is done that way.

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
# A picture of 1 x 60000 px, its shorter side resized to 224, would have three billion pixels.
_MAX_SPARE_PIXELS = 16_000_000

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
    return batch([_file(row, name) for name, row in zip(fields, rows, strict=True)], preprocess, spec, field)


def batch(files: list[tuple[str, bytes]], preprocess: ImagePreprocess, spec: TensorSpec, field: str = "body") -> Tensor:
    """Image files, each with the name of its place in the request, as one tensor. Raises Problem."""
    _check_count(len(files), spec, field)
    shape = (len(files), preprocess.height, preprocess.width, 1 if preprocess.color == "L" else 3)
    codec_json.check_shape(shape, spec, field)
    return Tensor(spec.dtype, shape, b"".join(pixels(data, preprocess, name) for name, data in files))


def pixels(data: bytes, preprocess: ImagePreprocess, field: str) -> bytes:
    """One image file as height x width x channels bytes. Raises Problem invalid-image."""
    image, size = image_file.read(data, "L" if preprocess.color == "L" else "RGB", field, _least_px(preprocess))
    return _sized(image, size, preprocess, field).tobytes("raw", preprocess.color)


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


def _file(value: Any, field: str) -> tuple[str, bytes]:
    """Place and content of a base64 string or {"b64": string}; line breaks and a data: prefix are let pass."""
    if isinstance(value, dict) and list(value) == ["b64"]:
        field, value = f"{field}.b64", value["b64"]
    if not isinstance(value, str):
        raise Problem("invalid-input", f"{field} is {shown(value)}; expected {_EXPECTED}", field=field, expected=_EXPECTED)
    if value.startswith("data:"):
        value = value.partition(",")[2]
    try:
        return field, b64decode("".join(value.split()), validate=True)
    except (Base64Error, ValueError) as error:
        raise Problem("invalid-input", f"{field} is not valid base64: {error}", field=field, expected=_EXPECTED) from None


def _sized(image: Image, size: tuple[int, int], preprocess: ImagePreprocess, field: str) -> Image:
    """The image as large as the model takes it. `size` is the file's: the image may be smaller (decode "fast")."""
    target = (preprocess.width, preprocess.height)
    if preprocess.resize == "shorter_side":
        return _shorter_side(image, size, preprocess)
    if preprocess.resize == "stretch":
        return image.resize(target, _FILTERS[preprocess.filter])
    if preprocess.resize == "fit":
        return _fit(image, size, preprocess)
    if size != target:
        expected = f"{target[0]} x {target[1]} px"
        detail = f"{field}: the image is {size[0]} x {size[1]} px; expected {expected}"
        raise Problem("invalid-image", detail, field=field, expected=expected)
    return image


def _shorter_side(image: Image, size: tuple[int, int], preprocess: ImagePreprocess) -> Image:
    """Resize the shorter side to `resize_to`, then cut the centre out."""
    (width, height), side = size, preprocess.resize_to
    resized = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
    left, right, x = _kept(resized[0], preprocess.width)
    top, bottom, y = _kept(resized[1], preprocess.height)
    resample = _FILTERS[preprocess.filter]
    if resized[0] * resized[1] <= 4 * preprocess.width * preprocess.height + _MAX_SPARE_PIXELS:
        part = image.resize(resized, resample).crop((left, top, right, bottom))
    else:
        across, down = image.width / resized[0], image.height / resized[1]
        part = image.resize((right - left, bottom - top), resample, (left * across, top * down, right * across, bottom * down))
    return _on_canvas(part, preprocess, x, y)


def _kept(length: int, wanted: int) -> tuple[int, int, int]:
    """Of an axis of `length`, the centre `wanted`: first and last pixel kept, and where the first one lands in the result."""
    if length < wanted:
        return 0, length, (wanted - length) // 2
    first = round((length - wanted) / 2)
    return first, first + wanted, 0


def _fit(image: Image, size: tuple[int, int], preprocess: ImagePreprocess) -> Image:
    """The whole picture, as large as fits, centred."""
    width, height = preprocess.width, preprocess.height
    ratio, wanted = size[0] / size[1], width / height
    if ratio > wanted:
        height = max(1, round(size[1] / size[0] * width))
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
