"""Finding and checking the shared library."""

from __future__ import annotations

import ctypes
import math
from pathlib import Path
from typing import Any

import pytest

from mldeploy.handlers.engines import ort_api
from mldeploy.handlers.engines.ort_api import LeanUnavailable


def package(root: Path, *names: str) -> str:
    capi = root / "onnxruntime" / "capi"
    capi.mkdir(parents=True)
    for name in names:
        (capi / name).write_bytes(b"")
    return str(root)


NAMES = ["libonnxruntime.so.1.31.1", "libonnxruntime.so", "libonnxruntime.1.31.1.dylib", "libonnxruntime.dylib"]


@pytest.mark.parametrize("name", NAMES)
def test_the_library_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    root = package(tmp_path / "a", "__init__.py", "libonnxruntime_providers_shared.so", name)
    assert ort_api.find_library([str(tmp_path), root]) == str(tmp_path / "a" / "onnxruntime" / "capi" / name)


def test_the_first_package_on_the_path_counts(tmp_path: Path) -> None:
    first = package(tmp_path / "a", "libonnxruntime_providers_shared.so")
    second = package(tmp_path / "b", "libonnxruntime.so.1.31.1")
    with pytest.raises(LeanUnavailable, match=r"has no shared library in .*/a/onnxruntime/capi"):
        ort_api.find_library([first, second])


def test_no_package_is_said(tmp_path: Path) -> None:
    with pytest.raises(LeanUnavailable, match=r"not on sys.path as a folder"):
        ort_api.find_library([str(tmp_path), ""])


@pytest.mark.parametrize(
    ("version", "is_supported"),
    [("1.31.1", True), ("1.20.0", True), ("1.100.0", True), ("1.19.2", False), ("2.0.0", False), ("1", False), ("", False),
     ("1.x", False)],
)  # fmt: skip
def test_versions(version: str, is_supported: bool) -> None:
    assert ort_api.is_supported(version) is is_supported


def test_a_file_that_is_no_library_and_a_library_that_is_another_one(tmp_path: Path) -> None:
    text = tmp_path / "libonnxruntime.so"
    text.write_text("no library")
    for path in (text, tmp_path / "missing.so", Path(getattr(math, "__file__", "") or ctypes.__file__)):
        with pytest.raises(LeanUnavailable, match="cannot be loaded"):
            ort_api.load(str(path))


def fake(monkeypatch: pytest.MonkeyPatch, version: bytes, table: int) -> list[int]:
    """Have `load` find a library that says it is of `version` and returns `table` as its functions."""
    asked: list[int] = []

    def get_api(number: int) -> int:
        asked.append(number)
        return table

    text = ctypes.create_string_buffer(version)
    # ctypes makes no callbacks that return char*, so it is one that returns an address, seen as the other
    get_version = ctypes.CFUNCTYPE(ctypes.c_void_p)(lambda: ctypes.addressof(text))
    fields = dict(ort_api._ApiBase._fields_)
    base = ort_api._ApiBase(fields["get_api"](get_api), ctypes.cast(get_version, fields["get_version"]))

    class Library:
        class OrtGetApiBase:
            restype: Any = None

            def __new__(cls) -> Any:
                return ctypes.pointer(base)

    monkeypatch.setattr(ort_api, "_dlopen", lambda path: Library)
    return asked


@pytest.mark.parametrize("version", ["1.18.1", "2.0.0"])
def test_an_unknown_version_is_not_called_at_all(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    asked = fake(monkeypatch, version.encode(), 0)
    with pytest.raises(LeanUnavailable, match=f"ONNX Runtime {version} is not a version whose C API is known"):
        ort_api.load("x")
    assert asked == []


def test_a_library_without_the_api_version(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fake(monkeypatch, b"1.31.1", 0)
    with pytest.raises(LeanUnavailable, match=r"ONNX Runtime 1\.31\.1 does not offer version 20"):
        ort_api.load("x")
    assert asked == [20]


def test_positions_are_in_order_and_within_version_5() -> None:
    positions = [position for position, _ in ort_api.FUNCTIONS.values()]
    assert positions == sorted(set(positions))
    assert positions[-1] <= 149


def test_only_bound_functions_can_be_called() -> None:
    with pytest.raises(AttributeError, match="CreateOp is not bound"):
        _ = ort_api.open_installed().CreateOp
