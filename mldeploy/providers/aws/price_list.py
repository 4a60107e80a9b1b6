"""Which products of AWS's Price List are which meters of ours. Data, and how a product is told.

offer file ─▶ product {productFamily, attributes} ─Sought.fits─▶ meters
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sought:
    """Products of one kind. `usage` is the usage type without its region's prefix ("EUC1-Request" is "Request"); `attributes`
    must be equal. `title` is for messages."""

    title: str
    meters: tuple[str, ...]
    usage: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def fits(self, product: Mapping[str, Any], region: str) -> bool:
        """Whether `product` is this in `region`; what is worldwide (the free tier) is in no region."""
        found = product["attributes"]
        if region not in (found.get("regionCode"), found.get("fromRegionCode")):
            return False
        return self._is_used(found.get("usagetype", "")) and all(
            found.get(key) == value for key, value in self.attributes.items()
        )

    def _is_used(self, usage: str) -> bool:
        """Compared without the region's prefix, which us-east-1 mostly leaves out. A prefix has no dash: "CloudFront-EUC1-…" is
        another product."""
        prefix, dash, _ = usage.partition("-")
        return not self.usage or usage == self.usage or usage == f"{prefix}{dash}{self.usage}"


def _group(title: str, group: str, *meters: str) -> Sought:
    return Sought(title, meters, attributes={"group": group})


_LAMBDA = (
    _group("requests", "AWS-Lambda-Requests", "request-x86_64", "request-x86_64-provisioned"),
    _group("requests, arm64", "AWS-Lambda-Requests-ARM", "request-arm64", "request-arm64-provisioned"),
    _group("duration", "AWS-Lambda-Duration", "compute-x86_64", "overflow-compute-x86_64"),
    _group("duration, arm64", "AWS-Lambda-Duration-ARM", "compute-arm64", "overflow-compute-arm64"),
    _group("provisioned concurrency", "AWS-Lambda-Provisioned-Concurrency", "provisioned-x86_64"),
    _group("provisioned concurrency, arm64", "AWS-Lambda-Provisioned-Concurrency-ARM", "provisioned-arm64"),
    _group("provisioned duration", "AWS-Lambda-Duration-Provisioned", "provisioned-compute-x86_64"),
    _group("provisioned duration, arm64", "AWS-Lambda-Duration-Provisioned-ARM", "provisioned-compute-arm64"),
    _group("ephemeral storage", "AWS-Lambda-Storage-Duration", "ephemeral-x86_64"),
    _group("ephemeral storage, arm64", "AWS-Lambda-Storage-Duration-ARM", "ephemeral-arm64"),
    _group("streaming", "AWS-Lambda-Processed-Bytes", "streaming"),
)
_INGEST = {"operation": "PutLogEvents"}

SOUGHT: Mapping[str, tuple[Sought, ...]] = {
    # The first offer decides which regions there are.
    "AWSLambda": _LAMBDA,
    "AmazonApiGateway": (Sought("HTTP API", ("http-api-request",), attributes={"operation": "ApiGatewayHttpApi"}),),
    "AWSDataTransfer": (
        Sought("data out", ("egress",), "DataTransfer-Out-Bytes", {"transferType": "AWS Outbound", "toLocation": "External"}),
    ),
    "AmazonCloudWatch": (
        Sought("log ingestion", ("logs-ingest",), "DataProcessing-Bytes", _INGEST),
        Sought("log storage", ("logs-storage",), "TimedStorage-ByteHrs"),
        Sought("alarms", ("alarm",), "CW:AlarmMonitorUsage"),
    ),
    "AmazonECR": (Sought("image storage", ("registry",), "TimedStorage-ByteHrs"),),
    "AWSSecretsManager": (
        Sought("secrets", ("secret",), "AWSSecretsManager-Secrets"),
        Sought("calls for secrets", ("secret-call",), "AWSSecretsManagerAPIRequest"),
    ),
}
NEEDED = ("request-x86_64", "compute-x86_64")
"""A region's file without these is damaged."""
FREE: Mapping[str, tuple[str, ...]] = {
    "Global-Request": ("request-x86_64", "request-arm64"),
    "Global-Lambda-GB-Second": ("compute-x86_64", "compute-arm64"),
    "Global-DataTransfer-Out-Bytes": ("egress",),
}
"""Usage types of what is free each month, worldwide, and the meters whose first units it covers."""
