"""What Cloud Run can be: inclusive bounds with their source and the date on which it was read."""

from __future__ import annotations

from typing import NamedTuple

from mldeploy.plan import Limit, Limits

NAME = "gcp"
TITLE = "Google Cloud Run"
MIB = 1024 * 1024
READ_ON = "2026-11-21"

_DOCS = "docs.cloud.google.com/run/docs"
CPU_SOURCE = f"{_DOCS}/configuring/services/cpu"
_MEMORY = f"{_DOCS}/configuring/services/memory-limits"
_QUOTAS = f"{_DOCS}/quotas"

LIMITS = Limits(
    title=TITLE,
    by_key={
        "resources.memory_mb": Limit(low=128, high=32768, source=_MEMORY, date=READ_ON),
        "resources.timeout_s": Limit(
            low=0.001, high=3600, source=f"{_DOCS}/configuring/request-timeout (not verified there)", date=READ_ON
        ),
        "resources.concurrency": Limit(low=1, high=1000, source=f"{_DOCS}/about-concurrency", date=READ_ON),
        "resources.min_instances": Limit(low=0, source=_QUOTAS, date=READ_ON),
        "resources.max_instances": Limit(
            low=1, source=f"{_QUOTAS} (above 100 it depends on the project's quota)", date=READ_ON
        ),
        "resources.architecture": Limit(allowed=("x86_64",), source=f"{_DOCS}/container-contract", date=READ_ON),
        "resources.ephemeral_mb": Limit(
            low=1, high=32768, source=f"{_DOCS}/configuring/services/in-memory-volume-mounts", date=READ_ON
        ),
        "clouds.gcp.cpu": Limit(low=0.08, high=8, source=CPU_SOURCE, date=READ_ON),
    },
    max_body_bytes=32 * MIB,  # HTTP/1 request, run/quotas and functions/quotas
)

GEN2_MIN_MEMORY_MB = 512  # gen2 and instance-based billing
MAX_ENV_VALUE_BYTES = 32768  # Cloud Run API v2, EnvVar.value
MAX_SCHEDULE_S = 1800  # Cloud Scheduler's attempt deadline
MAX_EVENT_FUNCTION_S = 540  # an event-driven function


class Size(NamedTuple):
    """The memory that goes with so many vCPUs, MiB, both inclusive."""

    cpu: float
    low_mb: int
    high_mb: int


# Source: CPU_SOURCE, READ_ON. Below one vCPU the memory decides the least CPU: > 512 MiB needs 0.5.
WHOLE_CPUS = (Size(1, 128, 4096), Size(2, 128, 8192), Size(4, 2048, 16384), Size(6, 4096, 24576), Size(8, 4096, 32768))


def size_of(cpu: float) -> Size | None:
    """The memory range of `cpu` vCPUs; None when there is no such size."""
    if 0.08 <= cpu < 1:
        return Size(cpu, 128, 512 if cpu < 0.5 else 1024)
    return next((size for size in WHOLE_CPUS if size.cpu == cpu), None)


def cpu_for(memory_mb: int) -> float:
    """The fewest whole vCPUs that take so much memory."""
    return next((size.cpu for size in WHOLE_CPUS if memory_mb <= size.high_mb), WHOLE_CPUS[-1].cpu)
