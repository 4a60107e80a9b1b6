"""The provider contract, held by AWS without an account."""

from __future__ import annotations

import pytest
from conformance import ProviderConformance

from mldeploy.providers.aws.provider import provider as aws
from mldeploy.providers.contract import Provider


class TestAws(ProviderConformance):
    @pytest.fixture
    def provider(self) -> Provider:
        return aws
