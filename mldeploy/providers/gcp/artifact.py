"""The rendered source as one file: the same bytes for the same content, whoever packs it and when."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_BLOCK_BYTES = 1 << 20


def pack(folder: Path) -> tuple[Path, str]:
    """The zip beside the folder, and the SHA-256 of its bytes. It is named by what is in it and never overwritten: the release
    before may have to be deployed again."""
    making = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(making, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            _add(archive, path, path.relative_to(folder).as_posix())
    digest = hashlib.sha256()
    with making.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    target = folder.with_name(f"{folder.name}-{digest.hexdigest()[:16]}.zip")
    making.replace(target)
    return target, digest.hexdigest()


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as packed:
        while block := source.read(_BLOCK_BYTES):
            packed.write(block)
