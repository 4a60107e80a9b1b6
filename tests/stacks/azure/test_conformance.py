"""The contract of providers, held by Azure's."""

from __future__ import annotations

import pytest
from conformance import ProviderConformance

from mldeploy.providers.azure.provider import provider as azure
from mldeploy.providers.contract import Provider


class TestAzure(ProviderConformance):
    @pytest.fixture
    def provider(self) -> Provider:
        return azure
