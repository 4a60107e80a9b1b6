"""From a spec, or a program's document, to an option and back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mldeploy.cost.contract import Priced
from mldeploy.errors import SpecError
from mldeploy.plan import Plan
from mldeploy.providers.aws.options import SIZES_MB
from mldeploy.providers.aws.provider import AwsProvider
from mldeploy.spec.loaded import LoadedSpec

provider: Priced = AwsProvider()
Load = Callable[..., LoadedSpec]
Planned = Callable[..., Plan]
FULL = """
access: key
resources: {memory_mb: 512, architecture: arm64, min_instances: 1, max_instances: 8, ephemeral_mb: 1024}
clouds: {aws: {region: eu-central-1, endpoint: http_api, log_retention_days: 7, alarms: {p95_ms: 800}}}
"""


def test_the_default_option() -> None:
    found = provider.option("lambda-x86_64", None, None)
    assert (found.memory_mb, found.cpu, found.concurrency, found.min_instances) == (1769, 1.0, 1, 0)
    assert (found.trait("endpoint"), found.trait("alarms"), found.trait("secrets")) == ("url", "0", "0")
    assert provider.region_of(None) == "us-east-1"


def test_a_spec_says_what_is_compared(load: Load) -> None:
    loaded = load(FULL)
    assert provider.product_of(loaded) == "lambda-arm64"
    assert provider.region_of(loaded) == "eu-central-1"
    found = provider.option("lambda-arm64", loaded, None)
    assert (found.memory_mb, found.min_instances, found.max_instances, found.ephemeral_mb) == (512, 1, 8, 1024)
    assert dict(found.traits) == {
        "alarms": "4",
        "endpoint": "http_api",
        "image_mb": "100",
        "log_retention_days": "7",
        "secrets": "1",
        "timeout_s": "29",
    }


@pytest.mark.parametrize("text", ["", FULL, "clouds: {aws: {provisioned_concurrency: 3, endpoint: none, alarms: {}}}"])
def test_the_planned_document_is_the_same_option(load: Load, planned: Planned, text: str) -> None:
    loaded = load(text)
    found, region = provider.option_of(planned(text).program)
    assert found == provider.option(provider.product_of(loaded), loaded, None)
    assert region == provider.region_of(loaded)


def test_alarms_are_counted_as_the_program_declares_them(load: Load) -> None:
    def alarms(text: str) -> str:
        return provider.option("lambda-x86_64", load(f"clouds: {{aws: {text}}}"), None).trait("alarms")

    assert alarms("{alarms: {}}") == "3"
    assert alarms("{alarms: {}, endpoint: none}") == "2"
    assert alarms("{alarms: {errors: null, throttles: null, p95_ms: 1.0}}") == "1"


def test_the_other_architecture_can_be_compared_too(load: Load) -> None:
    found = provider.option("lambda-x86_64", load(FULL), 2048)
    assert (found.product, found.memory_mb, found.min_instances) == ("lambda-x86_64", 2048, 1)


def test_sizes_go_up_and_stay_within_what_lambda_offers() -> None:
    sizes = provider.sizes("lambda-arm64")
    assert [each.memory_mb for each in sizes] == sorted(SIZES_MB)
    assert (sizes[0].memory_mb, sizes[-1].memory_mb) == (128, 10240)
    assert len(sizes) >= 50
    assert {each.cpu for each in sizes if each.memory_mb in (1769, 3538, 8845)} == {1.0, 2.0, 5.0}


@pytest.mark.parametrize(("memory_mb", "closest"), [(64, "128 MB"), (12000, "10240 MB")])
def test_a_size_that_is_not_offered_names_the_closest(memory_mb: int, closest: str) -> None:
    with pytest.raises(SpecError, match=f"offers no {memory_mb} MB") as caught:
        provider.option("lambda-x86_64", None, memory_mb)
    assert closest in str(caught.value.hint)


def test_an_unknown_product_names_the_closest() -> None:
    with pytest.raises(SpecError, match="no product 'lambda-arm'") as caught:
        provider.sizes("lambda-arm")
    assert "lambda-arm64" in str(caught.value.hint)


@pytest.mark.parametrize("kept", [0, 2])
def test_spec_keys_make_the_option(load: Load, kept: int) -> None:
    start = load(f"resources: {{min_instances: {kept}}}")
    wanted = provider.option("lambda-arm64", start, 896)
    keys = provider.spec_keys(wanted)
    body = ", ".join(f"{key.removeprefix('resources.')}: {value}" for key, value in keys.items())
    again = load(f"resources: {{{body}}}")
    assert provider.option(provider.product_of(again), again, None) == wanted
    assert ("resources.min_instances" in keys) == bool(kept)


def test_the_timeout_is_the_runtimes_own(load: Load) -> None:
    def timeout(text: str) -> str:
        return provider.option("lambda-x86_64", load(text), None).trait("timeout_s")

    assert timeout("") == "30"
    assert timeout("resources: {timeout_s: 2.5}") == "2.5"
    assert timeout("clouds: {aws: {endpoint: http_api}}") == "29"
