"""Packing: the sources of a spec become a bundle in the store, once for each fingerprint.

    read_sources ─▶ fingerprint ─▶ in the store? ─▶ Bundle (cached)
                                   └▶ build in a private folder ─▶ published by one rename ─▶ Bundle

This module imports nothing heavy: what builds (onnx, onnxruntime, numpy, scikit-learn) is imported when something is built.
"""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

from mldeploy import __version__
from mldeploy.bundle import fingerprint, store
from mldeploy.bundle.contract import Bundle
from mldeploy.bundle.sources import Sources, read_sources
from mldeploy.errors import ModelError
from mldeploy.handlers import manifest
from mldeploy.progress import Reporter, SilentReporter
from mldeploy.spec.loaded import LoadedSpec

# the tools whose version shapes what is written
_ONNX_TOOLS = ("onnx", "onnxruntime")
_SKLEARN_TOOLS = ("scikit-learn", "skl2onnx")


def toolchain(sources: Sources) -> dict[str, str]:
    """Name -> version of the tools that shape this bundle. Raises ModelError naming what is not installed."""
    tools: tuple[str, ...] = ()
    if sources.format == "onnx":
        tools = _ONNX_TOOLS
    elif sources.format == "sklearn":
        tools = (*_ONNX_TOOLS, *_SKLEARN_TOOLS) if sources.section.convert else _SKLEARN_TOOLS[:1]
    versions = {"mldeploy": __version__}
    for tool in tools:
        try:
            versions[tool] = metadata.version(tool)
        except metadata.PackageNotFoundError:
            raise ModelError(
                f"{sources.model} is a scikit-learn model, and {tool} is not installed"
                if tool in _SKLEARN_TOOLS
                else f"{tool} is not installed",
                "pip install 'mldeploy[sklearn]'" if tool in _SKLEARN_TOOLS else f"pip install {tool}",
            ) from None
    return versions


def identify(loaded: LoadedSpec, store_path: Path) -> Bundle:
    """The bundle that `pack` would return, without packing: from `store_path`, or with a fingerprint and no more (`is_packed`
    is False, the signature empty). Raises ModelError when the sources cannot be read."""
    sources = read_sources(loaded)
    _, found = _fingerprint(sources)
    document = store.read(store_path, found)
    if document is not None:
        return _bundle(store_path / found, document, is_cached=True)
    return Bundle(store_path / found, loaded.spec.name, found, _served_format(sources), (), (), is_packed=False)


def pack(loaded: LoadedSpec, store_path: Path, report: Reporter | None = None) -> Bundle:
    """The bundle of `loaded`'s model, from `store_path` when nothing changed. Raises ModelError (the model cannot be used),
    GateError (the conversion disagrees with the model) or MldeployError (the store cannot be written)."""
    report = report or SilentReporter()
    sources = read_sources(loaded)
    tools, found = _fingerprint(sources)
    document = store.read(store_path, found)
    if document is not None:
        return _bundle(store_path / found, document, is_cached=True)

    from mldeploy.bundle import building

    with store.publish(store_path, found) as folder:
        document = building.build(sources, folder, report)
        files = store.describe_files(folder)
        document |= {"fingerprint": found, "toolchain": tools, "mldeploy": __version__, "files": files}
        document["facts"] = {**document["facts"], "size_bytes": sum(entry["bytes"] for entry in files.values())}
        (folder / manifest.FILE_NAME).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return _bundle(store_path / found, document, is_cached=False)


def _fingerprint(sources: Sources) -> tuple[dict[str, str], str]:
    """The tools' versions, and the fingerprint that they and the sources make."""
    tools = toolchain(sources)
    return tools, fingerprint.of({"pack_format": fingerprint.PACK_FORMAT, "tools": tools, **sources.fingerprint_document()})


def _served_format(sources: Sources) -> str:
    """What the runtime will run: a converted scikit-learn model is an ONNX bundle."""
    return "onnx" if sources.format == "sklearn" and sources.section.convert else sources.format


def _bundle(root: Path, document: dict[str, Any], *, is_cached: bool) -> Bundle:
    read = manifest.read(root)
    return Bundle(
        root=root,
        name=read.name,
        fingerprint=read.fingerprint,
        format=read.format,
        inputs=read.inputs,
        outputs=read.outputs,
        labels=read.labels,
        is_cached=is_cached,
        warnings=tuple(document["warnings"]),
        facts=document["facts"],
    )
