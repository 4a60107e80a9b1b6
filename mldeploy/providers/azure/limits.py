"""What Azure gives at most, with where that is written and when it was read. "not confirmed" marks what no document said.

Container Apps gives memory in fixed pairs with vCPU; Elastic Premium has three sizes.
"""

from __future__ import annotations

from typing import NamedTuple

from mldeploy.plan import Limit, Limits

MIB = 1024 * 1024
READ_ON = "2026-11-21"
FUNCTIONS = "learn.microsoft.com/azure/azure-functions/functions-scale"
CONTAINERS = "learn.microsoft.com/azure/container-apps/containers"
FUNCTIONS_ON_APPS = "learn.microsoft.com/azure/container-apps/functions-overview"
PREMIUM = "learn.microsoft.com/azure/azure-functions/functions-premium-plan"
WORKSPACES = "learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure"

MEMORY_STEP_MB = 512
HTTP_TIMEOUT_S = 230.0
MAX_REPLICAS = 1000
MAX_PREMIUM_INSTANCES = 100
MAX_TAGS = 50
OWN_TAGS = 4
PAIRS = tuple((0.25 * step, MEMORY_STEP_MB * step) for step in range(1, 17))
"""vCPU and MiB of one replica: 0.25 and 512 up to 4 and 8192."""


class PremiumSize(NamedTuple):
    """One size of an Elastic Premium instance."""

    cpu: float
    memory_mb: int


PREMIUM_SIZES = {"EP1": PremiumSize(1, 3584), "EP2": PremiumSize(2, 7168), "EP3": PremiumSize(4, 14336)}

LIMITS = Limits(
    title="Azure Functions",
    by_key={
        "resources.memory_mb": Limit(
            low=PAIRS[0][1], high=PAIRS[-1][1], source=f"{CONTAINERS} (above 4096: not confirmed)", date=READ_ON
        ),
        "resources.timeout_s": Limit(
            low=0.001,
            high=HTTP_TIMEOUT_S,
            source=f"{FUNCTIONS}: the load balancer's idle limit of an HTTP function",
            date=READ_ON,
        ),
        "resources.concurrency": Limit(
            low=1, high=1000, source="learn.microsoft.com/azure/container-apps/scale-app", date=READ_ON
        ),
        "resources.min_instances": Limit(low=0, high=MAX_REPLICAS, source=FUNCTIONS_ON_APPS, date=READ_ON),
        "resources.max_instances": Limit(low=1, high=MAX_REPLICAS, source=FUNCTIONS_ON_APPS, date=READ_ON),
        "resources.architecture": Limit(allowed=("x86_64",), source=f"{CONTAINERS}: linux/amd64 only", date=READ_ON),
        "clouds.azure.cpu": Limit(allowed=tuple(cpu for cpu, _ in PAIRS), source=CONTAINERS, date=READ_ON),
        "clouds.azure.max_body_mb": Limit(low=0.001, high=100, source=FUNCTIONS, date=READ_ON),
        "clouds.azure.start_timeout_s": Limit(
            low=10, high=1800, source="learn.microsoft.com/azure/app-service/reference-app-settings", date=READ_ON
        ),
        "clouds.azure.log_retention_days": Limit(low=30, high=730, source=WORKSPACES, date=READ_ON),
    },
    max_body_bytes=100 * MIB,
)


def ephemeral_mb(cpu: float) -> int:
    """Temporary disk of a replica with so many vCPU, MiB (CONTAINERS, "ephemeral storage"; not confirmed)."""
    for up_to, size in ((0.25, 1024), (0.5, 2048), (1.0, 4096)):
        if cpu <= up_to:
            return size
    return 8192
