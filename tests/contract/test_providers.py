"""The conformance suite over every provider that is installed."""

from __future__ import annotations

import pytest
from conformance import ProviderConformance

from mldeploy.providers import registry
from mldeploy.providers.contract import Provider


@pytest.mark.parametrize("name", registry.names())
class TestEveryProvider(ProviderConformance):
    @pytest.fixture
    def provider(self, name: str) -> Provider:
        return registry.get(name)

    def test_doctor_calls_the_same_thing_the_same(self, provider: Provider) -> None:
        if provider.name != "local":
            assert {"SDK", "Pulumi CLI", "Docker", "credentials"} <= {finding.title for finding in provider.checks()}
