"""Encoded image bytes → an upright Pillow image in RGB or L. What is too large is refused before any pixel exists.

    bytes ─kind of file? ▸ size within limits? ▸ one still picture? ▸ decode ▸ 8 bits ▸ EXIF orientation─▶ Image

JPEG, PNG and WebP, judged by content, not by name. Defined behaviour: CMYK and YCCK are converted by Pillow's formula without
colour profiles; 16-bit greyscale keeps the high byte; 16-bit colour likewise (the decoder does that); alpha and transparency
are dropped, as `convert("RGB")` does in training pipelines; EXIF orientation is applied; colour profiles are ignored.
Animations are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from mldeploy.handlers.log import clean
from mldeploy.handlers.problems import Problem

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000
MAX_SIDE_PX = 65_535

# How to put an image upright, by the EXIF orientation 2..8: names of Image.Transpose.
_TRANSPOSE = ("FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")
_OTHERS = (
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"{", "JSON"),
    (b"--", "multipart"),
)


def read(data: bytes, color: str, field: str, least_px: tuple[int, int] | None = None) -> tuple[Image, tuple[int, int]]:
    """The picture, 8 bits a channel, and its own (width, height). `color` is RGB or L. With `least_px` (width, height) a JPEG
    may be decoded at a half, quarter or eighth of its size, as long as it stays that large. Raises Problem invalid-image,
    which names `field`.
    """
    name = sniff(data)
    if name is None:
        _refuse(field, _unknown(data), "a JPEG, PNG or WebP file")
    if name == "WEBP":  # its decoder allocates the whole canvas when the file is opened
        _check_size(_webp_size(data), field)
    try:
        image = _open(name, data)
        _check_size(image.size, field)
        if getattr(image, "n_frames", 1) > 1:
            _refuse(field, f"the image is animated ({image.n_frames} frames)", "a still image")
        size, turn = image.size, orientation(image.info.get("exif", b""))
        if least_px is not None and name == "JPEG":
            image.draft(None, least_px[::-1] if turn >= 5 else least_px)
        return _upright(_eight_bits(image, color), turn), size[::-1] if turn >= 5 else size
    except (Problem, MemoryError):
        raise
    except Exception as error:
        _refuse(field, f"the {name} file is damaged or incomplete: {clean(str(error), 120)}", "a complete image file")


def sniff(data: bytes) -> str | None:
    """JPEG, PNG or WEBP by the first bytes, else None."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    return None


def orientation(exif: bytes) -> int:
    """The EXIF orientation (1..8) in a TIFF header's first directory; 1 where there is none or it makes no sense."""
    tiff = exif.removeprefix(b"Exif\0\0")
    if tiff[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    order = "little" if tiff[:1] == b"I" else "big"

    def number(position: int, size: int) -> int:
        return int.from_bytes(tiff[position : position + size], order)  # type: ignore[arg-type]

    start = number(4, 4)
    for entry in range(start + 2, start + 2 + 12 * min(number(start, 2), 512), 12):
        if number(entry, 2) == 0x0112:
            value = number(entry + 8, 2)
            return value if number(entry + 2, 2) == 3 and 1 <= value <= 8 else 1
    return 1


def _open(name: str, data: bytes) -> Any:
    """The file's header, read. Image.open would import every plugin that Pillow has."""
    from io import BytesIO

    file = BytesIO(data)
    if name == "JPEG":
        from PIL.JpegImagePlugin import JpegImageFile

        return JpegImageFile(file)
    if name == "PNG":
        from PIL.PngImagePlugin import PngImageFile

        return PngImageFile(file)
    from PIL.WebPImagePlugin import WebPImageFile

    return WebPImageFile(file)


def _check_size(size: tuple[int, int], field: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE_PX:
        _refuse(
            field,
            f"the image has {width} x {height} pixels",
            f"at most {MAX_PIXELS // 1_000_000} megapixels and {MAX_SIDE_PX} px a side",
        )


def _webp_size(data: bytes) -> tuple[int, int]:
    """Canvas size from the first chunk; (0, 0) where the decoder will refuse the file anyway."""
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0


def _eight_bits(image: Any, color: str) -> Image:
    """Decode the pixels, as RGB or L."""
    image.load()
    if image.mode.startswith("I;16"):
        from PIL import Image

        image = Image.frombytes("L", image.size, image.tobytes()[1 if image.mode != "I;16B" else 0 :: 2])
    if image.mode != color:
        image.info.pop("transparency", None)  # Pillow would warn that it drops it
        image = image.convert(color)
    return image  # type: ignore[no-any-return]


def _upright(image: Image, turn: int) -> Image:
    if turn == 1:
        return image
    from PIL.Image import Transpose

    return image.transpose(Transpose[_TRANSPOSE[turn - 2]])


def _unknown(data: bytes) -> str:
    if not data:
        return "the image is empty (0 bytes)"
    found = next((name for start, name in _OTHERS if data.lstrip()[:8].startswith(start)), None)
    return f"not a JPEG, PNG or WebP image{f': it looks like {found}' if found else ''}"


def _refuse(field: str, detail: str, expected: str) -> NoReturn:
    raise Problem("invalid-image", f"{field}: {detail}", field=field, expected=expected)
