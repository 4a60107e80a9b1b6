"""Real image files → uint8 tensors: sizes and pixels as torchvision has them, and a clear refusal of everything unusable."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from mldeploy.handlers import codec_image, image_file
from mldeploy.handlers.manifest import ImagePreprocess
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import TensorSpec

PICTURE = ImagePreprocess("x", 8, 6, "shorter_side", 10, "bilinear", "RGB", 0, "exact")
SPEC = TensorSpec("x", "UINT8", (-1, 8, 6, 3))
AS_IT_IS = PICTURE._replace(resize="none")


def _noise(mode: str = "RGB", width: int = 40, height: int = 30) -> Image.Image:
    """A picture in which every pixel matters, the same each time."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), bytes(i * i * 31 % 251 for i in range(width * height * bands)))


def _file(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _pixels(image: Image.Image | bytes, preprocess: ImagePreprocess, kind: str = "PNG") -> bytes:
    return codec_image.pixels(image if isinstance(image, bytes) else _file(image, kind), preprocess, "body")


def _outcome(function: Callable[[], Any]) -> Any:
    """What the function returns, or the Problem that it raises."""
    try:
        return function()
    except Problem as problem:
        return problem


def _refusal(data: bytes, preprocess: ImagePreprocess = PICTURE) -> Problem:
    with pytest.raises(Problem) as caught:
        codec_image.pixels(data, preprocess, "body")
    assert caught.value.field == "body"
    assert caught.value.expected
    return caught.value


def _torchvision(image: Image.Image, p: ImagePreprocess) -> bytes:
    """Resize and CenterCrop as torchvision defines them for PIL images."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    new_short, new_long = p.resize_to, int(p.resize_to * long / short)
    size = (new_short, new_long) if width <= height else (new_long, new_short)
    image = image.resize(size, Image.Resampling[p.filter.upper()])
    if image.width < p.width or image.height < p.height:
        left, top = max(0, (p.width - image.width) // 2), max(0, (p.height - image.height) // 2)
        padded = Image.new(image.mode, (max(p.width, image.width), max(p.height, image.height)), (p.pad,) * 3)
        padded.paste(image, (left, top))
        image = padded
    left, top = round((image.width - p.width) / 2.0), round((image.height - p.height) / 2.0)
    return image.crop((left, top, left + p.width, top + p.height)).tobytes()


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    crop=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    resize_to=st.integers(1, 60),
    resample=st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"]),
)
def test_shorter_side_is_torchvisions_resize_and_centre_crop(
    size: tuple[int, int], crop: tuple[int, int], resize_to: int, resample: str
) -> None:
    image = _noise("RGB", *size)
    preprocess = PICTURE._replace(width=crop[0], height=crop[1], resize_to=resize_to, filter=resample, pad=7)
    assert _pixels(image, preprocess) == _torchvision(image, preprocess)


@settings(max_examples=40, deadline=None)
@given(size=st.tuples(st.integers(1, 90), st.integers(1, 90)), target=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_fit_is_pillows_pad_and_stretch_its_resize(size: tuple[int, int], target: tuple[int, int]) -> None:
    image = _noise("RGB", *size)
    preprocess = PICTURE._replace(width=target[0], height=target[1], resize="fit", filter="bicubic", pad=9)
    if min(round(size[1] / size[0] * target[0]), round(size[0] / size[1] * target[1])) >= 1:
        padded = ImageOps.pad(image, target, Image.Resampling.BICUBIC, color=(9, 9, 9))
        assert _pixels(image, preprocess) == padded.tobytes()
    assert len(_pixels(image, preprocess)) == target[0] * target[1] * 3
    stretched = image.resize(target, Image.Resampling.BICUBIC)
    assert _pixels(image, preprocess._replace(resize="stretch")) == stretched.tobytes()


def test_none_wants_the_exact_size() -> None:
    image = _noise("RGB", 6, 8)
    assert _pixels(image, AS_IT_IS) == image.tobytes()
    problem = _refusal(_file(_noise("RGB", 8, 6)), AS_IT_IS)
    assert problem.slug == "invalid-image"
    assert problem.detail == "body: the image is 8 x 6 px; expected 6 x 8 px"


def test_colours() -> None:
    image = _noise("RGB", 6, 8)
    red, green, blue = image.split()
    assert _pixels(image, AS_IT_IS._replace(color="BGR")) == Image.merge("RGB", (blue, green, red)).tobytes()
    assert _pixels(image, AS_IT_IS._replace(color="L")) == image.convert("L").tobytes()
    grey = _noise("L", 6, 8)
    assert _pixels(grey, AS_IT_IS) == grey.convert("RGB").tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_png_mode_is_converted_and_loses_its_alpha(mode: str) -> None:
    image = _noise("RGBA", 6, 8).convert(mode) if mode != "P" else _noise("RGB", 6, 8).quantize(16)
    assert _pixels(image, AS_IT_IS) == image.convert("RGB").tobytes()


def test_a_transparent_palette_is_not_a_warning() -> None:
    image = _noise("RGB", 6, 8).quantize(16)
    data = _file(image, transparency=bytes(range(0, 160, 10)))
    assert _pixels(data, AS_IT_IS) == image.convert("RGB").tobytes()


def test_16_bits_keep_the_high_byte() -> None:
    values = [0, 255, 256, 0x1234, 0xFFFF, 0x8000] * 8
    image = Image.frombytes("I;16", (6, 8), struct.pack("<48H", *values))
    assert _pixels(image, AS_IT_IS._replace(color="L")) == bytes(value >> 8 for value in values)
    assert _pixels(image, AS_IT_IS) == bytes(value >> 8 for value in values for _ in range(3))


def test_16_bit_colour_keeps_the_high_byte() -> None:
    rows = b"".join(b"\0" + bytes(range(36)) for _ in range(8))
    data = _png(struct.pack(">IIBBBBB", 6, 8, 16, 2, 0, 0, 0), rows)
    assert _pixels(data, AS_IT_IS) == bytes(range(0, 36, 2)) * 8


def _png(header: bytes, rows: bytes) -> bytes:
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    body = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def test_cmyk_is_converted() -> None:
    image = Image.new("CMYK", (6, 8), (0, 255, 255, 0))
    pixels = _pixels(_file(image, "JPEG", quality=100), AS_IT_IS)
    assert all(abs(a - b) < 6 for a, b in zip(pixels, (255, 0, 0) * 48, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_each_format_is_decoded_as_pillow_does(kind: str) -> None:
    data = _file(_noise("RGB", 6, 8), kind)
    assert _pixels(data, AS_IT_IS) == Image.open(io.BytesIO(data)).convert("RGB").tobytes()


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_each_kind_of_webp(mode: str, lossless: bool) -> None:
    data = _file(_noise(mode, 6, 8), "WEBP", lossless=lossless)
    assert _pixels(data, AS_IT_IS) == Image.open(io.BytesIO(data)).convert("RGB").tobytes()


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied(kind: str, turn: int) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif[0x0112] = turn
    data = _file(_noise("RGB", 40, 30), kind, exif=exif)
    preprocess = PICTURE._replace(resize="stretch")
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert _pixels(data, preprocess) == upright.resize((6, 8), Image.Resampling.BILINEAR).tobytes()


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"Exif\0\0II*\0\x08\0\0\0" + tail))
def test_any_exif_has_some_orientation(exif: bytes) -> None:
    assert 1 <= image_file.orientation(exif) <= 8


def test_a_big_endian_orientation() -> None:
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    assert image_file.orientation(b"MM\0*" + struct.pack(">IH", 8, 1) + entry) == 6
    assert image_file.orientation(b"MM\0*" + struct.pack(">IH", 8, 1) + entry.replace(b"\0\x06", b"\0\x09")) == 1


@pytest.mark.parametrize("turn", [1, 6])
@pytest.mark.parametrize("resize", ["shorter_side", "stretch", "fit"])
def test_fast_is_close_to_exact(resize: str, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    smooth = Image.linear_gradient("L").resize((400, 300)).convert("RGB")
    data = _file(smooth, "JPEG", quality=95, exif=exif)
    preprocess = PICTURE._replace(resize=resize)
    exact, fast = _pixels(data, preprocess), _pixels(data, preprocess._replace(decode="fast"))
    assert len(exact) == len(fast)
    assert max(abs(a - b) for a, b in zip(exact, fast, strict=True)) <= 4


def test_fast_decodes_less_but_never_below_twice_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    sized = codec_image._sized
    monkeypatch.setattr(codec_image, "_sized", lambda image, *rest: sizes.append(image.size) or sized(image, *rest))
    data = _file(_noise("RGB", 400, 300), "JPEG")
    for preprocess in (PICTURE, PICTURE._replace(decode="fast"), PICTURE._replace(decode="fast", resize="fit", width=90)):
        _pixels(data, preprocess)
    assert sizes == [(400, 300), (50, 38), (200, 150)]
    _pixels(_file(_noise("RGB", 6, 8), "JPEG"), AS_IT_IS._replace(decode="fast"))
    assert sizes[-1] == (6, 8)


def test_a_picture_that_is_nothing_but_long() -> None:
    preprocess = PICTURE._replace(width=224, height=224, resize_to=256)
    image = Image.new("RGB", (1, 60_000), (10, 20, 30))
    assert _pixels(image, preprocess) == bytes((10, 20, 30)) * 224 * 224
    assert _pixels(image.transpose(Image.Transpose.ROTATE_90), preprocess) == bytes((10, 20, 30)) * 224 * 224


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the image is empty (0 bytes)"),
        (b"hello", "not a JPEG, PNG or WebP image; expected"),
        (b"GIF89a....", "it looks like GIF"),
        (b'{"inputs": 1}', "it looks like JSON"),
        (b"  <svg xmlns", "it looks like SVG"),
        (b"\xff\xd8\xff", "the JPEG file is damaged or incomplete"),
        (b"\x89PNG\r\n\x1a\n", "the PNG file is damaged or incomplete"),
        (b"RIFF\0\0\0\0WEBP", "the WEBP file is damaged or incomplete"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\0junk" + bytes(9), "the PNG file is damaged or incomplete"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(30), "the WEBP file is damaged or incomplete"),
        (_png(struct.pack(">IIBBBBB", 6, 8, 8, 2, 0, 0, 0), b"short"), "the PNG file is damaged or incomplete"),
        (_png(struct.pack(">IIBBBBB", 0, 8, 8, 2, 0, 0, 0), b""), "the PNG file is damaged or incomplete"),
        (_file(_noise(), "JPEG")[:-200], "the JPEG file is damaged or incomplete: image file is truncated"),
        (_file(_noise(), "PNG")[:-200], "the PNG file is damaged or incomplete"),
        (_file(_noise(), "WEBP")[:-200], "the WEBP file is damaged or incomplete"),
        (_file(_noise(), "PNG", save_all=True, append_images=[_noise().rotate(90)]), "the image is animated (2 frames)"),
        (_file(_noise(), "WEBP", save_all=True, append_images=[_noise().rotate(90)]), "the image is animated (2 frames)"),
        (_png(struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0), b""), "the image has 10000 x 10000 pixels"),
        (_png(struct.pack(">IIBBBBB", 100_000, 1, 8, 2, 0, 0, 0), b""), "the image has 100000 x 1 pixels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",
)
def test_what_cannot_be_used_is_refused(data: bytes, says: str) -> None:
    problem = _refusal(data)
    assert problem.slug == "invalid-image"
    assert problem.status == 422
    assert says in f"{problem.detail}; expected {problem.expected}"


@pytest.mark.parametrize(
    "chunk",
    [
        b"VP8X" + struct.pack("<IB3x", 10, 0) + (9999).to_bytes(3, "little") + (9999).to_bytes(3, "little"),
        b"VP8 " + struct.pack("<I3x3sHH", 10, b"\x9d\x01\x2a", 10_000, 10_000),
        b"VP8L" + struct.pack("<IBI", 10, 0x2F, 9999 | 9999 << 14),
    ],
)
def test_a_webp_bomb_is_refused_before_its_canvas_is_made(chunk: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_file, "_open", lambda *_: pytest.fail("the decoder was started"))
    problem = _refusal(b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk)
    assert problem.detail == "body: the image has 10000 x 10000 pixels"
    assert problem.expected == "at most 50 megapixels and 65535 px a side"


def test_a_png_bomb_is_refused_before_its_pixels_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_file, "_eight_bits", lambda *_: pytest.fail("pixels were decoded"))
    assert "10000 x 10000" in _refusal(_png(struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0), b"")).detail


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(["JPEG", "PNG", "WEBP"]), start=st.integers(0, 700), junk=st.binary(min_size=1, max_size=8))
def test_any_damage_is_a_picture_or_a_problem(kind: str, start: int, junk: bytes) -> None:
    data = bytearray(_file(_noise("RGB", 16, 12), kind))
    data[start : start + len(junk)] = junk
    outcome = _outcome(lambda: codec_image.pixels(bytes(data), PICTURE, "body"))
    if isinstance(outcome, Problem):
        assert outcome.slug == "invalid-image"
    else:
        assert len(outcome) == 6 * 8 * 3


def test_a_jpeg_without_rows_is_damaged() -> None:
    data = _file(_noise("RGB", 40, 30), "JPEG")
    start = data.index(b"\xff\xc0") + 5
    assert data[start : start + 4] == struct.pack(">HH", 30, 40)
    assert "the JPEG file is damaged or incomplete" in _refusal(data[:start] + b"\0\0" + data[start + 2 :]).detail


def test_out_of_memory_is_not_called_a_damaged_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(image_file, "_eight_bits", fail)
    with pytest.raises(MemoryError):
        codec_image.pixels(_file(_noise()), PICTURE, "body")


def test_base64_in_its_forms() -> None:
    image = _noise("RGB", 6, 8)
    text = base64.encodebytes(_file(image)).decode()
    assert "\n" in text
    for value in (text, {"b64": text}, f"data:image/png;base64,{text}", [text], [{"b64": text}]):
        tensor = codec_image.from_json(value, AS_IT_IS, SPEC, "inputs")
        assert (tensor.dtype, tensor.shape, tensor.data) == ("UINT8", (1, 8, 6, 3), image.tobytes())
    two = codec_image.from_json([text, {"b64": text}], AS_IT_IS, SPEC, "inputs")
    assert (two.shape, two.data) == ((2, 8, 6, 3), image.tobytes() * 2)


def test_grey_has_one_channel() -> None:
    spec = TensorSpec("x", "UINT8", (1, 8, 6, 1))
    tensor = codec_image.batch([("body", _file(_noise("L", 6, 8)))], AS_IT_IS._replace(color="L"), spec)
    assert tensor.shape == (1, 8, 6, 1)


@pytest.mark.parametrize(
    ("value", "field", "detail"),
    [
        (3, "inputs", "inputs is 3; expected a base64 string"),
        ([], "inputs", "inputs has 0 images; expected 1 to 64 images"),
        (["aGk="] * 65, "inputs", "inputs has 65 images; expected 1 to 64 images"),
        ("a", "inputs", "inputs is not valid base64: "),
        ("ab*=", "inputs", "inputs is not valid base64: "),
        ("é", "inputs", "inputs is not valid base64: "),
        ({"b64": 3}, "inputs.b64", "inputs.b64 is 3; expected a base64 string"),
        ({"b64": "", "more": 1}, "inputs", "inputs is an object; expected a base64 string"),
        ([{"b64": "aGk="}, None], "inputs[1]", "inputs[1] is null; expected a base64 string"),
        ({"b64": "aGk="}, "inputs.b64", "inputs.b64: not a JPEG"),
        ("", "inputs", "inputs: the image is empty (0 bytes)"),
    ],
)
def test_a_mistake_in_base64_is_named(value: Any, field: str, detail: str) -> None:
    with pytest.raises(Problem) as caught:
        codec_image.from_json(value, AS_IT_IS, SPEC, "inputs")
    assert (caught.value.field, caught.value.detail[: len(detail)]) == (field, detail)


def test_a_model_for_one_picture_takes_one() -> None:
    with pytest.raises(Problem) as caught:
        codec_image.from_json(["aGk="] * 2, AS_IT_IS, SPEC._replace(shape=(1, 8, 6, 3)), "inputs")
    assert caught.value.expected == "1 image"


def test_warm_up_decodes_something() -> None:
    codec_image.warm_up()
    assert image_file.sniff(codec_image._JPEG) == "JPEG"
