"""`bundle.json`: the one description that crosses from the packing side to the serving side.

A bundle is a folder: `bundle.json`, the model file (`entry`), and the user's `hook` file, if any. Reading it validates what
the runtime relies on and nothing else; it imports only `json`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from mldeploy.handlers.tensor import TensorSpec

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1
FILE_NAME = "bundle.json"


class ImagePreprocess(NamedTuple):
    """How image bytes become a uint8 tensor [N, height, width, channels]; everything after that is in the graph.

    `input` names the graph input. `resize`: "shorter_side" (to `resize_to` px, keeping the ratio, then a centre crop of
    width x height), "stretch" (straight to width x height), "fit" (keep the ratio, pad with `pad` to width x height), or
    "none" (the image must already have that size). `filter`: nearest | bilinear | bicubic | lanczos. `color`: RGB | BGR | L.
    `decode`: "exact", or "fast" (let the JPEG decoder scale down to not less than twice the target, then resize).
    """

    input: str
    height: int
    width: int
    resize: str
    resize_to: int
    filter: str
    color: str
    pad: int
    decode: str


class Column(NamedTuple):
    """One named column: it fills position `index` of graph input `input`. `dtype` is that input's OIP dtype."""

    name: str
    dtype: str
    input: str
    index: int  # type: ignore[assignment]  # nobody searches a column as a tuple


class TabularPreprocess(NamedTuple):
    """Named columns -> graph inputs of shape [N, columns of that input]."""

    columns: tuple[Column, ...]


class TopK(NamedTuple):
    """The graph already ends in TopK: `indices` (INT64 [N, k]) and `scores` (FP32 [N, k]) name its outputs."""

    k: int
    indices: str
    scores: str


class Manifest(NamedTuple):
    """`bundle.json`, read. `folder` is the bundle folder, `root` the same as a Path (a start that needs none is 5 ms shorter).

    `format`: "onnx" | "sklearn" | "python". `inputs`/`outputs` are what the engine takes and gives (pre- and
    postprocessing are already in the graph of an ONNX bundle). `preprocess` and `top_k` are None where there is none.
    `labels` may go with or without `top_k`. `raw` is the whole document, for /metadata.
    """

    folder: str
    name: str
    fingerprint: str
    format: str
    entry: str
    hook: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    preprocess: ImagePreprocess | TabularPreprocess | None
    top_k: TopK | None
    labels: tuple[str, ...]
    raw: dict[str, Any]

    @property
    def root(self) -> Path:
        """The bundle folder."""
        from pathlib import Path

        return Path(self.folder)

    def path(self, name: str) -> str:
        """The path of a file of the bundle."""
        return os.path.join(self.folder, name)


class ManifestError(Exception):
    """The folder is not a bundle that this runtime can serve; the message says which file and why."""


def _specs(rows: list[dict[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(str(r["name"]), str(r["dtype"]), tuple(int(a) for a in r["shape"])) for r in rows)


def _preprocess(doc: dict[str, Any] | None) -> ImagePreprocess | TabularPreprocess | None:
    if doc is None:
        return None
    fields = {key: value for key, value in doc.items() if key != "kind"}
    if doc["kind"] == "image":
        return ImagePreprocess(**fields)
    if doc["kind"] == "tabular":
        return TabularPreprocess(tuple(Column(**column) for column in fields["columns"]))
    raise KeyError(f"preprocess kind {doc['kind']!r}")


def read(root: os.PathLike[str] | str) -> Manifest:
    """Read `root/bundle.json`. Raises ManifestError when it is missing, damaged, or of another schema."""
    folder = os.fspath(root)
    path = os.path.join(folder, FILE_NAME)
    try:
        with open(path, "rb") as file:
            doc = json.loads(file.read())
    except FileNotFoundError:
        raise ManifestError(f"{path} does not exist: {folder} is not a bundle") from None
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from error
    if not isinstance(doc, dict) or doc.get("schema") != SCHEMA:
        raise ManifestError(
            f"{path} has bundle schema {doc.get('schema') if isinstance(doc, dict) else None!r}; "
            f"this runtime reads schema {SCHEMA}"
        )
    try:
        top_k = doc["top_k"]
        return Manifest(
            folder=folder,
            name=str(doc["name"]),
            fingerprint=str(doc["fingerprint"]),
            format=str(doc["format"]),
            entry=str(doc["entry"]),
            hook=str(doc["hook"]),
            inputs=_specs(doc["inputs"]),
            outputs=_specs(doc["outputs"]),
            preprocess=_preprocess(doc["preprocess"]),
            top_k=TopK(**top_k) if top_k else None,
            labels=tuple(str(label) for label in doc["labels"]),
            raw=doc,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError(f"{path} is damaged: {type(error).__name__}: {error}") from error
