"""How a deployment is served: read once from the environment that the Plan wrote. The bundle says *what*, this says *how*.

    MLDEPLOY_TIMEOUT_S        per-request limit in seconds                     default 30
    MLDEPLOY_CONCURRENCY      requests worked on at once                       default: the cores at hand
    MLDEPLOY_QUEUE            requests that may wait beyond that               default 64
    MLDEPLOY_MAX_BODY_BYTES   request body limit                               default 6291456 (6 MiB)
    MLDEPLOY_ACCESS           private | key | public                           default private
    MLDEPLOY_API_KEY          the key, with access=key (a secret)
    MLDEPLOY_ENGINE           auto | lean | stock                              default auto
    MLDEPLOY_THREADS          intra-op threads of the engine, 0 = the cores    default 0
    MLDEPLOY_POOL             auto | inline | pool (where predictions run)     default auto
    MLDEPLOY_STAGE            name of the stage, for logs                      default dev

How long the server is patient with a connection; the defaults suit everyone, tests shrink them:

    MLDEPLOY_HEADER_TIMEOUT_S a request's header section must arrive within    default 10
    MLDEPLOY_BODY_TIMEOUT_S   grace of a body, beyond its minimum rate         default 10
    MLDEPLOY_IDLE_TIMEOUT_S   a silent keep-alive connection is closed after   default 75
    MLDEPLOY_WRITE_TIMEOUT_S  a reader that takes nothing is dropped after     default 30
    MLDEPLOY_MAX_CONNECTIONS  connections held open at once                    default 1024
    MLDEPLOY_DRAIN_GRACE_S    silent connections stay open while draining      default 1
    MLDEPLOY_STUCK_GRACE_S    a run this long past its timeout is stuck        default 1
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

DEFAULT_MAX_BODY_BYTES = 6 * 1024 * 1024


class ServingConfig(NamedTuple):
    """The serving settings. Sizes in bytes, times in seconds."""

    timeout_s: float = 30.0
    concurrency: int = 1
    queue: int = 64
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    access: str = "private"
    api_key: str = ""
    engine: str = "auto"
    threads: int = 0
    pool: str = "auto"
    stage: str = "dev"
    header_timeout_s: float = 10.0
    body_timeout_s: float = 10.0
    idle_timeout_s: float = 75.0
    write_timeout_s: float = 30.0
    max_connections: int = 1024
    drain_grace_s: float = 1.0
    stuck_grace_s: float = 1.0


class ConfigError(Exception):
    """An environment variable has a value that the runtime cannot use; the message names it."""


def available_cores() -> int:
    """Cores this process may use (its affinity where the platform tells, else the machine's)."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


def _number(environ: Mapping[str, str], name: str, default: float, low: float) -> float:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise ConfigError(f"{name}={text!r} is not a number") from None
    if not low <= value < float("inf"):
        raise ConfigError(f"{name}={text!r} must be at least {low:g}")
    return value


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = environ.get(name, "") or choices[0]
    if value not in choices:
        raise ConfigError(f"{name}={value!r} must be one of {', '.join(choices)}")
    return value


def from_environ(environ: Mapping[str, str]) -> ServingConfig:
    """Read the settings. Raises ConfigError on an unusable value, and on access=key without a key."""
    config = ServingConfig(
        timeout_s=_number(environ, "MLDEPLOY_TIMEOUT_S", 30.0, 0.001),
        concurrency=int(_number(environ, "MLDEPLOY_CONCURRENCY", available_cores(), 1)),
        queue=int(_number(environ, "MLDEPLOY_QUEUE", 64, 0)),
        max_body_bytes=int(_number(environ, "MLDEPLOY_MAX_BODY_BYTES", DEFAULT_MAX_BODY_BYTES, 1)),
        access=_choice(environ, "MLDEPLOY_ACCESS", ("private", "key", "public")),
        api_key=environ.get("MLDEPLOY_API_KEY", ""),
        engine=_choice(environ, "MLDEPLOY_ENGINE", ("auto", "lean", "stock")),
        threads=int(_number(environ, "MLDEPLOY_THREADS", 0, 0)),
        pool=_choice(environ, "MLDEPLOY_POOL", ("auto", "inline", "pool")),
        stage=environ.get("MLDEPLOY_STAGE", "") or "dev",
        header_timeout_s=_number(environ, "MLDEPLOY_HEADER_TIMEOUT_S", 10.0, 0.01),
        body_timeout_s=_number(environ, "MLDEPLOY_BODY_TIMEOUT_S", 10.0, 0.01),
        idle_timeout_s=_number(environ, "MLDEPLOY_IDLE_TIMEOUT_S", 75.0, 0.01),
        write_timeout_s=_number(environ, "MLDEPLOY_WRITE_TIMEOUT_S", 30.0, 0.01),
        max_connections=int(_number(environ, "MLDEPLOY_MAX_CONNECTIONS", 1024, 1)),
        drain_grace_s=_number(environ, "MLDEPLOY_DRAIN_GRACE_S", 1.0, 0.0),
        stuck_grace_s=_number(environ, "MLDEPLOY_STUCK_GRACE_S", 1.0, 0.0),
    )
    if config.access == "key" and not config.api_key:
        raise ConfigError("MLDEPLOY_ACCESS=key needs MLDEPLOY_API_KEY (a secret) to be set")
    return config
