"""The core behind a bare uvloop (or asyncio) protocol with the product's own HTTP reader: PORT BUNDLE uvloop|asyncio.

What the product's server would be on somebody else's event loop, without its timeouts, limits and drain.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from runtime import load

from mldeploy.handlers.message import Response
from mldeploy.handlers.server.http1 import RequestReader
from mldeploy.handlers.server.wire import ResponseWriter

runtime = load(sys.argv[2])
writer = ResponseWriter()
pool = ThreadPoolExecutor(runtime.config.concurrency)


class Direct(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.reader = RequestReader(runtime.config.max_body_bytes, lambda size: True)

    def data_received(self, data: bytes) -> None:
        self.reader.feed(data)
        while self.reader.exchanges:
            request = self.reader.exchanges.popleft().request
            assert request
            if runtime.is_heavy:
                future = asyncio.get_running_loop().run_in_executor(pool, runtime.handle, request)
                future.add_done_callback(lambda done: self.answer(done.result()))
            else:
                self.answer(runtime.handle(request))

    def answer(self, response: Response) -> None:
        self.transport.write(writer.render(response))


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Direct, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if sys.argv[3] == "uvloop":
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
