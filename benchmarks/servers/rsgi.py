"""The core as an RSGI application, granian's fastest interface; the bundle is BENCH_BUNDLE. Run as `python rsgi.py PORT`."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

from runtime import load

from mldeploy.handlers.core import Runtime
from mldeploy.handlers.message import Request

# granian's main process imports this file, too, but only its worker serves.
_loaded: list[tuple[Runtime, ThreadPoolExecutor]] = []


def _runtime() -> tuple[Runtime, ThreadPoolExecutor]:
    if not _loaded:
        runtime = load(os.environ["BENCH_BUNDLE"])
        _loaded.append((runtime, ThreadPoolExecutor(runtime.config.concurrency)))
    return _loaded[0]


async def app(scope: Any, protocol: Any) -> None:
    runtime, pool = _runtime()
    body = await protocol()
    headers = dict(scope.headers.items())
    request = Request(scope.method, scope.path, "", headers, body, "", perf_counter())
    if runtime.is_heavy:
        response = await asyncio.get_running_loop().run_in_executor(pool, runtime.handle, request)
    else:
        response = runtime.handle(request)
    protocol.response_bytes(response.status, list(response.headers), response.body)


if __name__ == "__main__":
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    Granian(
        "rsgi:app",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.RSGI,
        loop=Loops.uvloop,
        workers=1,
        log_level=LogLevels.error,
    ).serve()
