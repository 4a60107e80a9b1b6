"""What a bill of AWS Lambda is asked for, in one place: `mldeploy.cost.contract.Pricing` as a module."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from mldeploy.cost.values import Product
from mldeploy.providers.aws.options import option, option_of, product_of, region_of, sizes, spec_keys
from mldeploy.providers.aws.pricing import PRODUCTS, carbon, prices, quantities

__all__ = [
    "carbon",
    "fetch_prices",
    "option",
    "option_of",
    "prices",
    "product_of",
    "products",
    "quantities",
    "region_of",
    "sizes",
    "spec_keys",
]


def products() -> tuple[Product, ...]:
    return PRODUCTS


def fetch_prices(fetch: Callable[[str], bytes], today: datetime.date) -> str:
    from mldeploy.providers.aws import price_api

    return price_api.fetch_prices(fetch, today)
