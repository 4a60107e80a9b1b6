"""What the types cannot say: rules between keys of one spec, offline.

Each rule reads only what it needs, so that all of them run even when other parts of the spec are wrong. Files are looked at in
`file_rules`, secrets in `secret_rules`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from mldeploy.spec import workload_rules
from mldeploy.spec.node import Node, Path

Finding = tuple[Path, str, str]

_FORMAT_OF_SUFFIX = {".onnx": "onnx", ".skops": "sklearn", ".joblib": "sklearn", ".pkl": "sklearn", ".pickle": "sklearn"}
_CHANNELS = {"RGB": 3, "BGR": 3, "L": 1}


def problems(root: Node) -> Iterator[Finding]:
    """Every rule that this spec breaks: path, what is wrong, what to do."""
    yield from _version(root)
    yield from _model(root)
    yield from _image(root)
    yield from _columns(root)
    yield from _tensors(root)
    yield from _labels(root)
    yield from _resources(root)
    yield from _smoke(root)
    yield from workload_rules.problems(root)


def warnings(root: Node) -> Iterator[Finding]:
    """Things that work but are seldom meant."""
    if root.at("model", "labels") is not None and root.text_at("model", "postprocess", "kind") != "top_k":
        yield (
            ("model", "labels"),
            "labels name the classes of top_k; without it the answer does not show them",
            "add `postprocess: {kind: top_k}`",
        )


def format_of(root: Node) -> str | None:
    """The model's format: as given, else by the file's suffix, else unknown until the file is opened."""
    given = root.text_at("model", "format")
    return given or _FORMAT_OF_SUFFIX.get(PurePath(root.text_at("model", "path") or "").suffix.lower())


def _version(root: Node) -> Iterator[Finding]:
    node = root.at("version")
    if node is not None and node.value is True:
        yield ("version",), "true is not a version", "write `version: 1`"


def _model(root: Node) -> Iterator[Finding]:
    section = root.at("model")
    if section is None or not isinstance(section.value, dict):
        return
    form = format_of(root)
    if form == "python":
        for key, why in (
            ("hook", "the file with `load` and `predict`"),
            ("inputs", "the names, dtypes and shapes that it takes"),
            ("outputs", "the names, dtypes and shapes that it gives"),
        ):
            if section.at(key) is None:
                yield ("model", key), "is missing; a python model cannot be inspected", f"add `{key}:`, {why}"
    elif section.at("path") is None and not (form is None and section.at("hook")):
        yield ("model", "path"), "is missing", "add `path:` with the model file, relative to this file"
    elif section.at("path") is None:
        yield (
            ("model", "format"),
            "is missing; a hook alone is a python model",
            "add `format: python`, or `path:` with the model file",
        )
    if form in ("onnx", "sklearn"):
        for key in ("inputs", "outputs"):
            if section.at(key) is not None:
                yield ("model", key), "only a python model declares its signature; this one is read from the file", "delete it"
    convert = section.at("convert")
    if convert is not None and convert.value is False and form in ("onnx", "python"):
        yield ("model", "convert"), f"only a scikit-learn model is converted, and this one is {form}", "delete it"


def _image(root: Node) -> Iterator[Finding]:
    base: Path = ("model", "preprocess")
    if root.text_at(*base, "kind") != "image":
        return
    channels = _CHANNELS.get(root.text_at(*base, "color") or "RGB")
    for key in ("mean", "std"):
        values = root.list_at(*base, key)
        if values and channels and len(values) not in (1, channels):
            yield (*base, key), f"has {len(values)} values for {channels} channel(s)", f"write {channels}, or one for all"
    std = root.at(*base, "std")
    if std is not None and any(node.value == 0 and not isinstance(node.value, bool) for _, node in std.walk()):
        yield (*base, "std"), "divides by 0", "write the standard deviation, or leave it out for 1"
    yield from _resize(root, base)


def _resize(root: Node, base: Path) -> Iterator[Finding]:
    target = root.at(*base, "resize_to")
    if target is None or target.value is None:
        return
    if (root.text_at(*base, "resize") or "shorter_side") != "shorter_side":
        yield (*base, "resize_to"), "means something for `resize: shorter_side` only", "delete it"
        return
    sides = [node.value for node in root.list_at(*base, "size") if isinstance(node.value, int)]
    if sides and isinstance(target.value, int) and target.value < max(sides):
        yield (
            (*base, "resize_to"),
            f"{target.value} px is smaller than the {max(sides)} px that are cropped",
            f"write {max(sides)} or more",
        )


def _columns(root: Node) -> Iterator[Finding]:
    base: Path = ("model", "preprocess", "columns")
    names = [
        (path, root.text_at(*path) or root.text_at(*path, "name"))
        for path in ((*base, index) for index in range(len(root.list_at(*base))))
    ]
    yield from _duplicates(names, "column")


def _tensors(root: Node) -> Iterator[Finding]:
    for key in ("inputs", "outputs"):
        base: Path = ("model", key)
        paths = [(*base, index, "name") for index in range(len(root.list_at(*base)))]
        yield from _duplicates([(path, root.text_at(*path)) for path in paths], "tensor")


def _duplicates(named: list[tuple[Path, str | None]], what: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for path, name in named:
        if name is not None and name in seen:
            yield path, f"{what} '{name}' is named twice", "delete one of the two"
        elif name is not None:
            seen.add(name)


def _labels(root: Node) -> Iterator[Finding]:
    labels = root.at("model", "labels")
    if labels is None or not isinstance(labels.value, list):
        return
    if not labels.value:
        yield ("model", "labels"), "is an empty list", "list one name for each class, or delete it"
        return
    k = root.at("model", "postprocess", "k")
    if k is not None and isinstance(k.value, int) and k.value > len(labels.value):
        yield (
            ("model", "postprocess", "k"),
            f"{k.value} best of {len(labels.value)} labels",
            f"write {len(labels.value)} or less",
        )


def _resources(root: Node) -> Iterator[Finding]:
    low, high = root.at("resources", "min_instances"), root.at("resources", "max_instances")
    if low and high and isinstance(low.value, int) and isinstance(high.value, int) and low.value > high.value:
        yield (
            ("resources", "min_instances"),
            f"{low.value} is more than max_instances, {high.value} (line {high.line})",
            "lower it, or raise max_instances",
        )


def _smoke(root: Node) -> Iterator[Finding]:
    for index, request in enumerate(root.list_at("smoke")):
        if not isinstance(request.value, dict):
            continue
        given = [key for key in ("inputs", "file") if (node := request.at(key)) is not None and node.value is not None]
        if len(given) == 2:
            yield ("smoke", index), "has both `inputs` and `file`", "delete one of the two"
        elif not given:
            yield ("smoke", index), "has nothing to send", "add `inputs:` (JSON) or `file:` (an image, CSV or JSON file)"
