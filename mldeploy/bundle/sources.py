"""Sources: every file and value that a bundle is made from, found and digested, nothing parsed yet.

The format comes from the spec, else from the file's content, else from what the spec declares (a hook without a model file).
"""

from __future__ import annotations

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mldeploy.bundle.fingerprint import file_sha256
from mldeploy.bundle.sniff import ONNX, SKOPS, Kind, check_usable, sniff, varint
from mldeploy.errors import ModelError
from mldeploy.handlers.manifest import FILE_NAME
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import ModelSection

HOOK_NAME = "hook.py"
_LOCATION = b"\n\x08location\x12"  # then the value's length as a varint, and the value
LONGEST_NAME = 4096
LARGEST_SAMPLE_BYTES = 16 * 1024  # what the model's page and /openapi.json show must stay readable
_HOOK_REMEDY = "a hook is not a model file: in the spec, model: {format: python, hook: FILE.py, inputs: […], outputs: […]}"
FORMAT_OF_FAMILY = {"onnx": "onnx", "skops": "sklearn", "pickle": "sklearn"}


@dataclass(frozen=True)
class Sources:
    """`digests` holds the SHA-256 of each file that shapes the bundle, by spec key ("path", "hook", "parity_data").

    `sample` is the value of "inputs" in the first smoke request that has one, for people to try the model with; else None.
    """

    name: str
    section: ModelSection
    format: str
    kind: Kind | None
    model: Path | None
    hook: Path | None
    parity_data: Path | None
    labels: tuple[str, ...]
    digests: dict[str, str]
    sample: Any = None

    @property
    def model_file(self) -> Path:
        """The model file of a format that cannot do without one (all but `python`)."""
        return cast(Path, self.model)

    def fingerprint_document(self) -> dict[str, Any]:
        """What the fingerprint covers of these sources. File names count only where the bundle keeps them (`python`)."""
        section = self.section.model_dump(mode="json", exclude={"path", "hook", "parity_data", "labels", "format"})
        kept_name = self.model.name if self.model is not None and self.format == "python" else None
        return {
            "name": self.name,
            "format": self.format,
            "model": section,
            "labels": list(self.labels),
            "digests": self.digests,
            "file_name": kept_name,
            "sample": self.sample,
        }


def read_sources(loaded: LoadedSpec) -> Sources:
    """Find and digest what the spec names. Raises ModelError on a file that is missing, empty, unreadable or not a model."""
    section = loaded.spec.model
    files = {
        key: loaded.resolve(value) for key in ("path", "hook", "parity_data") if (value := getattr(section, key)) is not None
    }
    for key, path in files.items():
        check_usable(path, f"model.{key}")
    model = files.get("path")
    kind = sniff(model) if model is not None else None
    return Sources(
        name=loaded.spec.name,
        section=section,
        format=_format(section, model, kind),
        kind=kind,
        model=model,
        hook=files.get("hook"),
        parity_data=files.get("parity_data"),
        labels=read_labels(loaded),
        digests={key: file_sha256(path) for key, path in files.items()} | _external_digests(model, kind),
        sample=read_sample(loaded),
    )


def _format(section: ModelSection, model: Path | None, kind: Kind | None) -> str:
    if section.format == "python":
        if model is not None and model.name in (FILE_NAME, HOOK_NAME):
            raise ModelError(
                f"model.path: a model file may not be called {model.name}; the bundle has a file of that name", "rename it"
            )
        return "python"
    if model is None or kind is None:
        raise ModelError("model.path is missing", "name the model file, or set model.format: python and model.hook")
    check_kind(model, kind)
    found = FORMAT_OF_FAMILY[kind.family]
    if section.format is None:
        check_suffix(model, kind)
    if section.format is not None and section.format != found:
        raise ModelError(
            f"{model}: model.format says {section.format}, but the file is {kind.title}",
            f"set model.format: {found}, or leave it out",
        )
    return found


def check_kind(model: Path, kind: Kind) -> None:
    """Raise ModelError on a file of a kind that cannot be packed, or a text or image that is called like a model."""
    if not kind.family:
        suffix = f", whatever its suffix {model.suffix} says" if model.suffix in (".onnx", ".skops", ".joblib", ".pkl") else ""
        remedy = _HOOK_REMEDY if model.suffix == ".py" else kind.remedy
        raise ModelError(f"{model} is {kind.title}{suffix}", remedy or "give the model file itself")


def check_suffix(model: Path, kind: Kind) -> None:
    """Raise ModelError on a file that is a model of another kind than it is called. A pickle asks for trust instead."""
    says = {".onnx": ONNX, ".skops": SKOPS}.get(model.suffix, kind)
    if says is not kind and kind.family != "pickle":
        raise ModelError(
            f"{model} is {kind.title}, whatever its suffix {model.suffix} says",
            f"rename it, or set model.format: {FORMAT_OF_FAMILY[kind.family]} if that is what it should be",
        )


def _external_digests(model: Path | None, kind: Kind | None) -> dict[str, str]:
    """Digests of the weight files that an ONNX file names, by location. Found without parsing it, so that nothing heavy is
    imported: an entry is the field "location" of a StringStringEntryProto, key and value in a row."""
    if model is None or kind is not ONNX:
        return {}
    found = set()
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position = data.find(_LOCATION)
        while position >= 0:
            entry = data[position + len(_LOCATION) : position + len(_LOCATION) + LONGEST_NAME]
            size, start = varint(entry, 0)
            found.add(entry[start : start + size].decode("utf-8", "replace"))
            position = data.find(_LOCATION, position + 1)
    folder = model.parent
    return {f"path:{name}": file_sha256(folder / name) for name in sorted(found) if (folder / name).is_file()}


def read_sample(loaded: LoadedSpec) -> Any:
    """The inputs of the first smoke request that is small JSON and expected to succeed; None when there is none."""
    for smoke in loaded.spec.smoke:
        if smoke.status != 200:
            continue
        if smoke.inputs is not None:
            if len(json.dumps(smoke.inputs)) <= LARGEST_SAMPLE_BYTES:
                return smoke.inputs
        elif smoke.file is not None and smoke.file.endswith(".json"):
            path = loaded.resolve(smoke.file)
            check_usable(path, "smoke.file")
            if path.stat().st_size <= LARGEST_SAMPLE_BYTES:
                return _inputs_of(path)
    return None


def _inputs_of(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())["inputs"]
    except (ValueError, KeyError, TypeError):  # a request that is meant to be refused, perhaps; it is no sample
        return None


def read_labels(loaded: LoadedSpec) -> tuple[str, ...]:
    """The class names: the list in the spec, or the lines of the file. Raises ModelError on a blank or undecodable line."""
    labels = loaded.spec.model.labels
    if labels is None:
        return ()
    if isinstance(labels, list):
        return tuple(labels)
    path = loaded.resolve(labels)
    check_usable(path, "model.labels")
    try:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ModelError(
            f"model.labels: {path} is not UTF-8 text (byte {error.start})", "one class name a line, in UTF-8"
        ) from error
    names = [line.strip() for line in lines]
    while names and not names[-1]:
        names.pop()
    if "" in names:
        raise ModelError(f"model.labels: {path}:{names.index('') + 1} is blank", "one class name a line, without gaps")
    return tuple(names)
