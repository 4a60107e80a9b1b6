"""AWS Lambda's limits, where they are documented, and when that was read."""

from __future__ import annotations

from mldeploy.plan import Limit, Limits

TITLE = "AWS Lambda"
READ_ON = "2026-11-21"
MIB = 1024 * 1024
QUOTAS = "docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
IMAGES = "docs.aws.amazon.com/lambda/latest/dg/images-create.html"
CREATE = "docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"
RETENTION = "docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

MAX_TIMEOUT_S = 900
HTTP_API_TIMEOUT_S = 30
MAX_ENVIRONMENT_BYTES = 4096
MAX_TAGS = 50

LIMITS = Limits(
    title=TITLE,
    by_key={
        "resources.memory_mb": Limit(low=128, high=10240, source=QUOTAS, date=READ_ON),
        "resources.timeout_s": Limit(high=MAX_TIMEOUT_S, source=QUOTAS, date=READ_ON),
        "resources.ephemeral_mb": Limit(low=512, high=10240, source=CREATE, date=READ_ON),
        "resources.architecture": Limit(allowed=("x86_64", "arm64"), source=IMAGES, date=READ_ON),
        "resources.concurrency": Limit(allowed=(1,), source=QUOTAS, date=READ_ON),
        "image.max_mb": Limit(high=10240, source=QUOTAS, date=READ_ON),
        "clouds.aws.log_retention_days": Limit(allowed=RETENTION_DAYS, source=RETENTION, date=READ_ON),
    },
    max_body_bytes=6 * MIB,
)
