"""ONNX Runtime's C API through ctypes: find the library of the installed wheel, check its version, bind what is used.

The C API is one struct of function pointers, `OrtApi`. It is append-only: "NEVER remove or rearrange the members". FUNCTIONS
gives each function's position in it, counted in `ort_api_1_to_25` of onnxruntime/core/session/onnxruntime_c_api.cc (1.25.0),
whose static_asserts pin the end of every version (ReleaseCustomOpDomain 101, ReleaseAvailableProviders 126, …). Everything
bound here is in version 5 or older. `onnxruntime` itself is not imported: that would bring in numpy.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from ctypes import c_char_p, c_int, c_size_t, c_void_p
from typing import Any

API_VERSION = 20  # of the oldest wheel that was tried (1.20.1); asked for by number, so that a newer library serves it too

# name -> (position, arguments). n: size_t, i: int or enum, p: pointer, s: C string. "Release…" return nothing, the others a
# status, null for success.
FUNCTIONS: dict[str, tuple[int, str]] = {
    "GetErrorCode": (1, "p"),
    "GetErrorMessage": (2, "p"),
    "CreateEnv": (3, "isp"),
    "CreateSession": (7, "pspp"),
    "Run": (9, "ppppnpnp"),
    "CreateSessionOptions": (10, "p"),
    "DisableMemPattern": (17, "p"),
    "DisableCpuMemArena": (19, "p"),
    "SetSessionLogSeverityLevel": (22, "pi"),
    "SetSessionGraphOptimizationLevel": (23, "pi"),
    "SetIntraOpNumThreads": (24, "pi"),
    "SetInterOpNumThreads": (25, "pi"),
    "SessionGetInputCount": (30, "pp"),
    "SessionGetOutputCount": (31, "pp"),
    "SessionGetInputTypeInfo": (33, "pnp"),
    "SessionGetOutputTypeInfo": (34, "pnp"),
    "SessionGetInputName": (36, "pnpp"),
    "SessionGetOutputName": (37, "pnpp"),
    "CreateRunOptions": (39, "p"),
    "RunOptionsSetTerminate": (46, "p"),
    "CreateTensorWithDataAsOrtValue": (49, "ppnpnip"),
    "GetTensorMutableData": (51, "pp"),
    "CastTypeInfoToTensorInfo": (55, "pp"),
    "GetOnnxTypeFromTypeInfo": (56, "pp"),
    "GetTensorElementType": (60, "pp"),
    "GetDimensionsCount": (61, "pp"),
    "GetDimensions": (62, "ppn"),
    "GetTensorTypeAndShape": (65, "pp"),
    "CreateCpuMemoryInfo": (69, "iip"),
    "AllocatorFree": (76, "pp"),
    "GetAllocatorWithDefaultOptions": (78, "p"),
    "ReleaseEnv": (92, "p"),
    "ReleaseStatus": (93, "p"),
    "ReleaseMemoryInfo": (94, "p"),
    "ReleaseSession": (95, "p"),
    "ReleaseValue": (96, "p"),
    "ReleaseRunOptions": (97, "p"),
    "ReleaseTypeInfo": (98, "p"),
    "ReleaseTensorTypeAndShapeInfo": (99, "p"),
    "ReleaseSessionOptions": (100, "p"),
    "AddSessionConfigEntry": (130, "pss"),
}

# What may take longer than a few microseconds lets other Python threads run; for the rest that hand-over would cost more
# than the call.
_LONG = frozenset({"CreateEnv", "CreateSession", "Run", "ReleaseSession", "ReleaseEnv"})

# Called for every prediction, bound without argument types: their conversion takes as long as the call. Without them, a Python
# int is passed as a C int, so every pointer and size_t must be given as a ctypes value.
_BARE = frozenset({
    "CreateTensorWithDataAsOrtValue", "Run", "GetTensorTypeAndShape", "GetTensorElementType", "GetDimensionsCount",
    "GetDimensions", "GetTensorMutableData", "ReleaseTensorTypeAndShapeInfo", "ReleaseValue",
})  # fmt: skip

_C_TYPES: dict[str, Any] = {"n": c_size_t, "i": c_int, "p": c_void_p, "s": c_char_p}


class LeanUnavailable(Exception):
    """The lean engine cannot serve this model here; the message says why. The stock engine may."""


class OrtError(Exception):
    """ONNX Runtime returned a status other than success. `code` is its OrtErrorCode."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Ort:
    """The bound functions, as attributes with their own names. `version` is the library's, "1.31.1"."""

    def __init__(self, version: str, table: int) -> None:
        self.version = version
        pointers = (c_void_p * (max(position for position, _ in FUNCTIONS.values()) + 1)).from_address(table)
        for name, (position, arguments) in FUNCTIONS.items():
            prototype = ctypes.CFUNCTYPE if name in _LONG else ctypes.PYFUNCTYPE
            types = () if name in _BARE else (_C_TYPES[argument] for argument in arguments)
            setattr(self, name, prototype(_result_type(name), *types)(pointers[position] or 0))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AttributeError(f"{name} is not bound; add it to FUNCTIONS")

    def check(self, status: int | None) -> None:
        """Raise OrtError if `status` is one, and release it."""
        if status:
            code, message = self.GetErrorCode(status), self.GetErrorMessage(status)
            self.ReleaseStatus(status)
            raise OrtError(code, (message or b"").decode("utf-8", "replace"))


def _result_type(name: str) -> Any:
    if name.startswith("Release"):
        return None
    return {"GetErrorCode": c_int, "GetErrorMessage": c_char_p}.get(name, c_void_p)


def find_library(search: Sequence[str]) -> str:
    """The shared library inside the first onnxruntime package on `search` (as sys.path). Raises LeanUnavailable."""
    for folder in search:
        capi = os.path.join(folder, "onnxruntime", "capi")
        try:
            names = sorted(os.listdir(capi))
        except OSError:
            continue
        for name in names:
            if name.startswith(("libonnxruntime.so", "libonnxruntime.dylib")) or (
                name.startswith("libonnxruntime.") and name.endswith(".dylib")
            ):
                return os.path.join(capi, name)
        raise LeanUnavailable(f"the onnxruntime package has no shared library in {capi}")
    raise LeanUnavailable("the onnxruntime package is not on sys.path as a folder")


class _ApiBase(ctypes.Structure):
    """`OrtApiBase`: the one struct that can never change, returned by the one exported function."""

    _fields_ = (("get_api", ctypes.CFUNCTYPE(c_void_p, ctypes.c_uint32)), ("get_version", ctypes.CFUNCTYPE(c_char_p)))


def is_supported(version: str) -> bool:
    """Whether the table of positions is known to hold for a library of this version: 1.20 and every later 1.x."""
    parts = version.split(".")
    return len(parts) >= 2 and parts[0] == "1" and parts[1].isdecimal() and int(parts[1]) >= API_VERSION


def load(path: str) -> Ort:
    """Load the library and bind FUNCTIONS. Raises LeanUnavailable when it is not one that is known to work."""
    try:
        base = _dlopen(path).OrtGetApiBase
    except (OSError, AttributeError) as error:
        raise LeanUnavailable(f"{path} cannot be loaded: {error}") from error
    base.restype = ctypes.POINTER(_ApiBase)
    api = base().contents
    version = (api.get_version() or b"").decode("ascii", "replace")
    if not is_supported(version):
        raise LeanUnavailable(f"ONNX Runtime {version} is not a version whose C API is known (1.{API_VERSION} or a later 1.x)")
    table = api.get_api(API_VERSION)
    if not table:
        raise LeanUnavailable(f"ONNX Runtime {version} does not offer version {API_VERSION} of its C API")
    return Ort(version, table)


def _dlopen(path: str) -> ctypes.CDLL:
    """ctypes.CDLL(path), but other Python threads run meanwhile: relocating 30 MB takes milliseconds."""
    opener = ctypes.CDLL(None).dlopen
    opener.restype, opener.argtypes = c_void_p, (c_char_p, c_int)
    handle = opener(os.fsencode(path), os.RTLD_NOW | os.RTLD_LOCAL)
    # On failure CDLL tries again by itself, for its error message.
    return ctypes.CDLL(path, handle=handle)


def open_installed() -> Ort:
    """The library of the onnxruntime package that this process would import. Raises LeanUnavailable."""
    return load(find_library(sys.path))
