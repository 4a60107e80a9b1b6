"""An image's own description without clocks: the same layers give the same image id, and so the same digest, on every build.

    what the engine says of an image ─config─▶ its layers, settings and platform; fixed times; no trace of a container ─▶ load

The archive that is loaded holds the description alone: an engine that has the layers takes it. One that wants them too (the
containerd image store does) is given the whole image again.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from mldeploy.errors import DeployError
from mldeploy.image.context import TIME_S
from mldeploy.image.engine import Engine

CREATED = "1980-01-01T00:00:00Z"
# What says how the image runs; the rest of an engine's answer is about the container that it was made in.
_SETTINGS = (
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "Shell",
    "Healthcheck",
)


def normalise(engine: Engine, source: str, name: str, base: str) -> None:
    """Give the image `source`, built on `base`, the name `name`, without its times. Raises DeployError."""
    found, below = engine.inspect(source), engine.inspect(base)
    if found is None or below is None:
        raise DeployError(
            f"{source if found is None else base} is gone from the engine", "somebody removed it meanwhile: run again"
        )
    described = json.dumps(config(found, len(below["RootFS"]["Layers"])), sort_keys=True, separators=(",", ":")).encode()
    layers = [f"{number}/layer.tar" for number in range(len(found["RootFS"]["Layers"]))]
    try:
        with tempfile.TemporaryFile() as alone:
            _write(alone, described, layers, name, None)
            engine.load(alone)
    except DeployError:
        with tempfile.TemporaryFile() as saved, tempfile.TemporaryFile() as whole:
            for piece in engine.save(source):
                saved.write(piece)
            saved.seek(0)
            with tarfile.open(fileobj=saved) as archive:
                manifest = archive.extractfile("manifest.json")
                names = json.load(manifest)[0]["Layers"] if manifest else []
                _write(whole, described, names, name, archive)
            engine.load(whole)


def config(found: Mapping[str, Any], base_layers: int) -> dict[str, Any]:
    """An image config (OCI image spec 1.1) from an engine's answer; what differs from build to build is set or left out."""
    layers = found["RootFS"]["Layers"]
    own = found.get("Config") or {}
    history = [
        {"created": CREATED, "created_by": "base image" if number < base_layers else "mldeploy"}
        for number in range(len(layers))
    ]
    platform = {"architecture": found["Architecture"], "os": found["Os"]}
    if found.get("Variant"):
        platform["variant"] = found["Variant"]
    return {
        **platform,
        "created": CREATED,
        "config": {key: own[key] for key in _SETTINGS if own.get(key)},
        "rootfs": {"type": "layers", "diff_ids": layers},
        "history": history,
    }


def _write(target: IO[bytes], described: bytes, layers: list[str], name: str, source: tarfile.TarFile | None) -> None:
    """A docker-archive; `source` gives the layers, which are left out without it."""
    file_name = f"{hashlib.sha256(described).hexdigest()}.json"
    manifest = json.dumps([{"Config": file_name, "RepoTags": [name], "Layers": layers}]).encode()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, content in ((file_name, described), ("manifest.json", manifest)):
            info = tarfile.TarInfo(path)
            info.size, info.mtime = len(content), TIME_S
            archive.addfile(info, io.BytesIO(content))
        for path in layers if source is not None else ():
            member = source.getmember(path) if source is not None else tarfile.TarInfo()
            archive.addfile(member, source.extractfile(member) if source is not None else None)
    target.seek(0)
