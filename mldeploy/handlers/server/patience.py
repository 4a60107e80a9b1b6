"""How long a connection may take over each thing. Looked at every so often for all connections, so requests pay nothing.

reading the header section   header_timeout_s from its first byte (or from the connection, if nothing ever came)   408
reading the body             body_timeout_s, and a second more for every MIN_BODY_RATE bytes that arrived          408
silent between requests      idle_timeout_s; while draining, drain_grace_s since the drain began or the last answer
not taking the answer        write_timeout_s without a byte of progress
closing                      LINGER_S, or write_timeout_s while the answer is not yet sent
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from mldeploy.handlers.server.http1 import BODY, HEAD

if TYPE_CHECKING:
    from mldeploy.handlers.config import ServingConfig
    from mldeploy.handlers.server.protocol import Connection

MIN_BODY_RATE = 1024  # bytes a second
LINGER_S = 5.0


def tick_s(config: ServingConfig) -> float:
    """How often to look: a quarter of the shortest patience, at most once a second."""
    shortest = min(config.header_timeout_s, config.body_timeout_s, config.idle_timeout_s, config.write_timeout_s)
    return min(1.0, max(0.02, shortest / 4))


def enforce(connection: Connection, config: ServingConfig, draining_since_s: float) -> None:
    """Close or refuse the connection if it has used up its time."""
    now = perf_counter()
    if connection.is_choked or connection.closing_since_s:
        _enforce_progress(connection, config, now)
    elif connection.is_working:
        return
    elif connection.reader.phase == HEAD:
        if now - connection.reader.since_s > config.header_timeout_s:
            connection.refuse("request-timeout", f"the header section did not arrive within {config.header_timeout_s:g} s")
    elif connection.reader.phase == BODY:
        reader = connection.reader
        if now - reader.since_s > config.body_timeout_s + reader.body_bytes / MIN_BODY_RATE:
            connection.refuse("request-timeout", f"the body came in slower than {MIN_BODY_RATE} bytes a second")
    elif _is_silent_for_too_long(connection, config, draining_since_s, now):
        connection.close_soon()


def _enforce_progress(connection: Connection, config: ServingConfig, now: float) -> None:
    unsent = connection.stream.unsent_bytes
    if unsent and unsent != connection.unsent_bytes:
        connection.unsent_bytes = unsent
        connection.choked_since_s = now
    since = max(connection.choked_since_s, connection.closing_since_s) if unsent else connection.closing_since_s
    if now - since > (config.write_timeout_s if unsent else LINGER_S):
        connection.stream.abort()


def _is_silent_for_too_long(connection: Connection, config: ServingConfig, draining_since_s: float, now: float) -> bool:
    if draining_since_s:
        return now - max(connection.since_s, draining_since_s) > config.drain_grace_s
    patience_s = config.idle_timeout_s if connection.exchange else config.header_timeout_s
    return now - connection.since_s > patience_s
