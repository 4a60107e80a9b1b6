"""The SDK's packages that warn, when they are imported, of names of their own that nobody here uses."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from pulumi_gcp.monitoring import AlertPolicy, NotificationChannel
    from pulumi_gcp.storage import Bucket, BucketIAMMember, BucketObject, get_project_service_account_output

__all__ = [
    "AlertPolicy",
    "Bucket",
    "BucketIAMMember",
    "BucketObject",
    "NotificationChannel",
    "get_project_service_account_output",
]
