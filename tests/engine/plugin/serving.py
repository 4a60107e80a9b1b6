"""How a process becomes a provider plugin of the Pulumi engine.

engine ─starts─▶ plugin ─prints its port─▶ engine ─gRPC─▶ servicer          the engine dies ─▶ the plugin ends
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

POLL_S = 0.1
T = TypeVar("T")


class RefusedError(Exception):
    """The cloud (or its validation) says no; the engine shows the message as the reason."""


def answered(method: Callable[[Any, Any, grpc.ServicerContext], T]) -> Callable[[Any, Any, grpc.ServicerContext], T]:
    """Turn a RefusedError into the status that the engine shows as the resource's error."""

    @functools.wraps(method)
    def answer(self: Any, request: Any, context: grpc.ServicerContext) -> T:
        try:
            return method(self, request, context)
        except RefusedError as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
            raise  # abort raises; this line only tells the type checker so

    return answer


def serve(servicer: provider_pb2_grpc.ResourceProviderServicer, on_end: Callable[[], None] = lambda: None) -> None:
    """Serve until the engine that started this process is gone: one that was killed must leave nothing behind."""
    parent = os.getppid()
    server = grpc.server(futures.ThreadPoolExecutor(16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while os.getppid() == parent:
        time.sleep(POLL_S)
    on_end()
    os._exit(0)  # a call in progress must not keep the process
