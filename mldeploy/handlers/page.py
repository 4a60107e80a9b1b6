"""GET /: one quiet page for people. It shows the model, takes an image or JSON, and shows the answer and the same as `curl`.

`page.html` is the whole page: style and script are inside, nothing is fetched but the endpoint itself. Its style and script
are constant and allowed by their hashes; everything that comes from the bundle is escaped here or set as text there.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from mldeploy.handlers import sample
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.manifest import ImagePreprocess, Manifest, TabularPreprocess
from mldeploy.handlers.message import Response

_LINE_LENGTH = 100
# More labels than this are only seen through the answers: the page stays small.
_MOST_LABELS = 1000
_MOST_COLUMNS = 60
_KINDS = {"BYTES": "text", "BOOL": "true or false", "FP16": "number", "BF16": "number", "FP32": "number", "FP64": "number"}


@cache
def _template() -> str:
    return Path(__file__).with_name("page.html").read_text(encoding="utf-8")


@cache
def headers() -> tuple[tuple[str, str], ...]:
    """The page's headers: its content security policy allows its own style and script, by hash, and its own endpoint."""
    template = _template()
    style, script = (_hash(re.search(rf"<{tag}>(.*?)</{tag}>", template, re.S)) for tag in ("style", "script"))
    policy = (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return (
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    )


def _hash(found: re.Match[str] | None) -> str:
    assert found is not None, "page.html lost its style or script"  # noqa: S101 - a constant of this package
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode('ascii')}'"


def response(manifest: Manifest, config: ServingConfig) -> Response:
    """The answer of GET /."""
    return Response(200, headers(), render(manifest, config))


def render(manifest: Manifest, config: ServingConfig) -> bytes:
    """The page for one bundle."""
    values = {
        "name": html.escape(manifest.name),
        "format": html.escape(manifest.format),
        "fingerprint": html.escape(manifest.fingerprint),
        "short": html.escape(manifest.fingerprint[:7]),
        "signature": _signature(manifest),
        "model": _for_script(_model(manifest, config)),
    }
    # One pass: a value that looks like a marker is not replaced again.
    return re.sub(r"\{\{(\w+)\}\}", lambda marker: values[marker[1]], _template()).encode()


def _model(manifest: Manifest, config: ServingConfig) -> dict[str, Any]:
    """What the script needs to know."""
    labels = manifest.labels if manifest.top_k is None and len(manifest.labels) <= _MOST_LABELS else ()
    return {
        "image": isinstance(manifest.preprocess, ImagePreprocess) and len(manifest.inputs) == 1,
        "key": config.access == "key",
        "labels": labels,
        "max": config.max_body_bytes,
        "sample": _sample_text(sample.inputs(manifest)),
    }


def _for_script(value: dict[str, Any]) -> str:
    """JSON that cannot end the script element that it stands in."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _sample_text(value: Any) -> str:
    return f'{{"inputs": {_laid_out(value)}}}' if value is not None else '{"inputs": }'


def _laid_out(value: Any, indent: int = 0) -> str:
    """JSON on few lines: a list or object is broken up only when it is long, numbers fill their lines."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= _LINE_LENGTH or not isinstance(value, list | dict):
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_laid_out(child, indent + 2)}" for key, child in value.items()]
        return "{\n" + ",\n".join(pad + part for part in parts) + "\n" + " " * indent + "}"
    if any(isinstance(child, list | dict) for child in value):
        return "[\n" + ",\n".join(pad + _laid_out(child, indent + 2) for child in value) + "\n" + " " * indent + "]"
    return flat


def _signature(manifest: Manifest) -> str:
    rows = []
    match manifest.preprocess:
        case ImagePreprocess() as image:
            taken = [(image.input, f"image, JPEG, PNG or WebP ({image.width} × {image.height} px inside)")]
            taken += [(spec.name, _tensor(spec.dtype, spec.shape)) for spec in manifest.inputs if spec.name != image.input]
        case TabularPreprocess(columns):
            taken = [(column.name, _KINDS.get(column.dtype, "whole number")) for column in columns[:_MOST_COLUMNS]]
            if len(columns) > _MOST_COLUMNS:
                taken.append(("…", f"{len(columns)} columns in all"))
        case _:
            taken = [(spec.name, _tensor(spec.dtype, spec.shape)) for spec in manifest.inputs]
    if manifest.top_k:
        classes = f" of {len(manifest.labels)} classes" if manifest.labels else ""
        given = [("predictions", f"the best {manifest.top_k.k}{classes}")]
    else:
        given = [(spec.name, _tensor(spec.dtype, spec.shape)) for spec in manifest.outputs]
    for kind, entries in (("input", taken), ("output", given)):
        rows += [f"<tr><td>{kind}<td>{html.escape(name)}<td>{html.escape(what)}\n" for name, what in entries]
    return "".join(rows)


def _tensor(dtype: str, shape: tuple[int, ...]) -> str:
    return f"{dtype} [{', '.join('n' if axis == -1 else str(axis) for axis in shape)}]"
