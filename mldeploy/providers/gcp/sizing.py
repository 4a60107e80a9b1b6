"""What the spec leaves open, decided: memory, CPU, concurrency, instances. Pure.

memory_mb    1024, or the least that the CPUs asked for take      cpu          the fewest whole ones for the memory
concurrency  8 a vCPU, 1 below one vCPU                           timeout_s    30
instances    0 to 10                                              sandbox      gen2 where it may be
"""

from __future__ import annotations

import math
from typing import NamedTuple

from mldeploy.providers.gcp.limits import GEN2_MIN_MEMORY_MB, cpu_for, size_of
from mldeploy.providers.gcp.settings import GcpSettings
from mldeploy.spec.model import Resources

DEFAULT_MEMORY_MB = 1024
DEFAULT_TIMEOUT_S = 30.0
DEFAULT_MAX_INSTANCES = 10
# More than one request works on at once: the runtime queues them, and Cloud Run starts another instance meanwhile.
CONCURRENCY_PER_CPU = 8
TIMEOUT_MARGIN_S = 10  # the runtime answers 504 first
MAX_TIMEOUT_S = 3600


class Sizing(NamedTuple):
    """One instance and how many there may be. `request_timeout_s` is Cloud Run's own."""

    memory_mb: int
    cpu: float
    concurrency: int
    timeout_s: float
    request_timeout_s: int
    min_instances: int
    max_instances: int
    environment: str


def sizing(resources: Resources, settings: GcpSettings) -> Sizing:
    """Every size, whether the user gave it or not. What contradicts itself is left as it is: `rules` refuses it."""
    memory_mb = resources.memory_mb or _memory_for(settings.cpu)
    cpu = settings.cpu or cpu_for(memory_mb)
    timeout_s = resources.timeout_s or DEFAULT_TIMEOUT_S
    min_instances = resources.min_instances or 0
    return Sizing(
        memory_mb=memory_mb,
        cpu=cpu,
        concurrency=resources.concurrency or (1 if cpu < 1 else int(CONCURRENCY_PER_CPU * cpu)),
        timeout_s=timeout_s,
        request_timeout_s=min(MAX_TIMEOUT_S, math.ceil(timeout_s) + TIMEOUT_MARGIN_S),
        min_instances=min_instances,
        max_instances=resources.max_instances or max(DEFAULT_MAX_INSTANCES, min_instances),
        environment=settings.execution_environment or ("gen2" if cpu >= 1 and memory_mb >= GEN2_MIN_MEMORY_MB else "gen1"),
    )


def _memory_for(cpu: float | None) -> int:
    size = size_of(cpu) if cpu is not None else None
    return DEFAULT_MEMORY_MB if size is None else min(max(DEFAULT_MEMORY_MB, size.low_mb), size.high_mb)
