"""Answers of the Cloud Billing Catalog API: a stand-in, no recording.

They are built from the structure that Google documents for services.skus.list and from descriptions, SKU ids and prices that
were published (see `prices.toml`); the catalogue itself was not asked. It has what the real one is known to have: two spaces in
"Tier 2  (Request", "in in asia-northeast1", a region in both tiers, services and usage types that are not ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

Sku = dict[str, Any]
RUN, REGISTRY = "152E-C115-5142", "149C-F9EC-3994"
TIER_1 = ["us-central1", "europe-west1", "asia-northeast1", "africa-south1"]
TIER_2 = ["europe-west2", "asia-southeast3", "africa-south1"]


def sku(
    description: str,
    nanos: int,
    regions: list[str],
    *,
    unit: str = "s",
    free: int = 0,
    number: str = "4856-B847-F1EB",
    service: str = "Cloud Run",
    usage: str = "OnDemand",
) -> Sku:
    """One SKU, in Google's own words. `free`: units of a first tier at nothing."""
    rates = [{"startUsageAmount": 0, "unitPrice": _usd(0)}] if free else []
    rates.append({"startUsageAmount": free, "unitPrice": _usd(nanos)})
    return {
        "name": f"services/{RUN}/skus/{number}",
        "skuId": number,
        "description": description,
        "category": {
            "serviceDisplayName": service,
            "resourceFamily": "Compute",
            "resourceGroup": "CPU",
            "usageType": usage,
        },
        "serviceRegions": regions,
        "pricingInfo": [
            {
                "summary": "",
                "pricingExpression": {"usageUnit": unit, "displayQuantity": 1, "tieredRates": rates, "baseUnit": unit},
                "aggregationInfo": {"aggregationLevel": "ACCOUNT", "aggregationInterval": "MONTHLY", "aggregationCount": 1},
                "currencyConversionRate": 1,
                "effectiveTime": "2026-11-01T00:00:00Z",
            }
        ],
        "serviceProviderName": "Google",
    }


def _usd(nanos: int) -> dict[str, Any]:
    return {"currencyCode": "USD", "units": str(nanos // 10**9), "nanos": nanos % 10**9}


def run_skus() -> list[Sku]:
    """Cloud Run's; the CPU of europe-west1 costs 0.000025 now."""
    instances = ["us-central1", "europe-west1", "europe-west2", "asia-southeast3"]
    return [
        sku("Services CPU (Request-based billing)", 24_000, [each for each in TIER_1 if each != "europe-west1"], free=180_000),
        sku("Services CPU (Request-based billing)", 25_000, ["europe-west1"], free=180_000, number="1111-1111-1111"),
        sku("Services CPU Tier 2  (Request-based billing)", 33_600, TIER_2, free=180_000, number="085C-A237-027A"),
        sku("Services Memory (Request-based billing)", 2_500, TIER_1, unit="GiBy.s", free=360_000, number="02A2-9231-36A6"),
        sku("Services Memory Tier 2 (Request-based billing)", 3_500, TIER_2, unit="GiBy.s", number="600C-3782-6708"),
        sku("Services Min Instance CPU (Request-based billing)", 2_500, TIER_1, number="7EBB-8579-2C98"),
        sku("Services Min Instance CPU Tier 2 (Request-based billing)", 3_500, TIER_2, number="4350-71E4-3051"),
        sku("Services Min Instance Memory (Request-based billing)", 2_500, TIER_1, unit="GiBy.s"),
        sku("Services Min Instance Memory Tier 2 (Request-based billing)", 3_500, TIER_2, unit="GiBy.s"),
        sku("Requests", 400, ["global"], unit="count", free=2_000_000, number="2DA5-55D3-E679"),
        *(sku(f"Services CPU (Instance-based billing) in {each}", 18_000, [each]) for each in instances),
        *(sku(f"Services Memory (Instance-based billing) in {each}", 2_000, [each], unit="GiBy.s") for each in instances),
        sku("Services CPU (Instance-based billing) in in asia-northeast1", 18_500, ["asia-northeast1"]),
        sku("Services CPU (Request-based billing)", 19_920, ["us-central1"], usage="Commit1Yr"),
        sku("Jobs CPU in europe-west2", 25_200, ["europe-west2"], number="900B-EA7D-0386"),
    ]


def registry_skus() -> list[Sku]:
    stored = sku("Artifact Registry Storage", 100_000_000, ["global"], unit="GiBy.mo", service="Artifact Registry")
    first = {"startUsageAmount": 0.5, "unitPrice": _usd(100_000_000)}
    stored["pricingInfo"][0]["pricingExpression"]["tieredRates"] = [{"startUsageAmount": 0, "unitPrice": _usd(0)}, first]
    return [
        stored,
        sku("Artifact Registry Network Internet Egress Europe to Europe", 1, ["global"], service="Artifact Registry"),
    ]


class Catalog:
    """Answers as the API does, `size` SKUs a page; `asked` holds the addresses."""

    def __init__(self, run: list[Sku] | None = None, size: int = 7, spoil: Callable[[bytes], bytes] | None = None) -> None:
        self.asked: list[str] = []
        self._skus = {RUN: run_skus() if run is None else run, REGISTRY: registry_skus()}
        self._size, self._spoil = size, spoil

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        assert parts.netloc == "cloudbilling.googleapis.com"
        assert (query["currencyCode"], query["key"]) == (["USD"], ["secret-key"])
        skus = self._skus[parts.path.split("/")[3]]
        start = int(query.get("pageToken", ["0"])[0])
        token = str(start + self._size) if start + self._size < len(skus) else ""
        body = json.dumps({"skus": skus[start : start + self._size], "nextPageToken": token}).encode()
        return self._spoil(body) if self._spoil else body
