"""A wheel becomes entries of the context: what a served model imports, with fixed names and modes, and nothing else.

Left out of our own packages: tests, type stubs, C headers, and of ONNX Runtime all that serving does not load. Packages of the
user's come whole. Licences and metadata always stay.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mldeploy.errors import GateError
from mldeploy.image.context import Entry, checked
from mldeploy.image.pins import USER, Pin

_LEFT_OUT = re.compile(r"(^|/)(tests?|testdata|include)/|\.(pyi|pyx|pxd|h|hpp|a|lib|f90|c|cpp)$|(^|/)py\.typed$")
_METADATA = re.compile(r"^[^/]+\.dist-info/")
_RECORDS = re.compile(r"^[^/]+\.dist-info/(RECORD|INSTALLER|REQUESTED|WHEEL)(\.jws|\.p7s)?$")

# What a group takes of a wheel, where that is not everything. The lean engine loads the library and never imports the package;
# the binding has the runtime linked into itself, so that the library would be there twice.
_TAKEN = {
    "onnxruntime-lean": re.compile(r"onnxruntime/capi/libonnxruntime\.so[^/]*$|onnxruntime/(LICENSE|ThirdPartyNotices\.txt)$"),
    "onnxruntime": re.compile(
        r"onnxruntime/(__init__\.py|LICENSE|ThirdPartyNotices\.txt)$|onnxruntime/capi/(?!libonnxruntime\.so|training/)[^/]+$"
        r"|(?!onnxruntime/).*"
    ),
}


def unpack(wheel: Path, pin: Pin, prefix: str) -> Iterator[Entry]:
    """The wheel's files below `prefix`, sorted. Raises GateError when it is no wheel that can be unpacked."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for info in sorted(archive.infolist(), key=lambda info: info.filename):
                name = _installed_name(info.filename)
                if name is None or info.is_dir() or not is_taken(name, pin.group):
                    continue
                is_program = bool((info.external_attr >> 16) & 0o111) and not name.endswith((".py", ".so"))
                yield Entry(f"{prefix}/{checked(name)}", archive.read(info), is_program)
    except (zipfile.BadZipFile, ValueError) as error:
        raise GateError(f"{wheel.name} cannot be unpacked: {error}", f"remove {wheel} and run again") from error


def is_taken(name: str, group: str) -> bool:
    """Whether a file of a wheel ships."""
    if _RECORDS.match(name) or "__pycache__" in PurePosixPath(name).parts:
        return False
    if group == USER or _METADATA.match(name):
        return True
    taken = _TAKEN.get(group)
    return not _LEFT_OUT.search(name) and (taken is None or taken.match(name) is not None)


def _installed_name(name: str) -> str | None:
    """Where an installer puts a file of the wheel; None for scripts, headers and data, which are not imported."""
    match = re.match(r"[^/]+\.data/([^/]+)/(.+)", name)
    if match is None:
        return name
    return match[2] if match[1] in ("purelib", "platlib") else None
