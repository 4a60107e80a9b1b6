"""Memory limits: an error in time, where ONNX Runtime would end the process.

Allocations that fail inside some of its operators, or for its thread-local data, abort. At no memory to be had, two of six
models did so in both engines; with a quarter of a MiB to be had, none.
"""

from __future__ import annotations

import resource

from mldeploy.handlers.engines import EngineError

TO_OPEN_BYTES = 64 << 20  # the library takes half of it, the smallest model a fifth
TO_RUN_BYTES = 1 << 20


def is_limited() -> bool:
    """Whether this process has a memory limit that makes allocations fail. (A container's limit kills instead.)"""
    return any(resource.getrlimit(kind)[0] != resource.RLIM_INFINITY for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))


def require(size_bytes: int) -> None:
    """Raise EngineError unless that much address space is to be had now; it is given back untouched."""
    import mmap

    try:
        mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError as error:
        raise EngineError(f"the process is at its memory limit: {size_bytes >> 20} MiB are not to be had") from error
