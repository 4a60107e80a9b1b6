"""The core as a bare ASGI callable, for uvicorn and granian; the bundle is BENCH_BUNDLE. `python asgi.py PORT` runs uvicorn."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

from runtime import load

from mldeploy.handlers.message import Request

runtime = load(os.environ["BENCH_BUNDLE"])
pool = ThreadPoolExecutor(runtime.config.concurrency)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    request = Request(scope["method"], scope["path"], "", headers, body, "", perf_counter())
    if runtime.is_heavy:
        response = await asyncio.get_running_loop().run_in_executor(pool, runtime.handle, request)
    else:
        response = runtime.handle(request)
    fields = [(name.encode(), value.encode("latin-1")) for name, value in response.headers]
    fields.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": fields})
    await send({"type": "http.response.body", "body": response.body})


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http="httptools",
        loop="uvloop",
        log_level="warning",
        access_log=False,
        lifespan="off",
    )
