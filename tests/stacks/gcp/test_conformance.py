"""What every provider has to hold, for Google Cloud."""

from __future__ import annotations

import pytest
from conformance import SPEC, ProviderConformance

from mldeploy.providers.contract import Provider
from mldeploy.providers.gcp.provider import provider as gcp


class TestGoogleCloud(ProviderConformance):
    @pytest.fixture
    def provider(self) -> Provider:
        return gcp

    @pytest.fixture
    def text(self) -> str:
        return SPEC + "clouds: {gcp: {project: shop-1}}\n"
