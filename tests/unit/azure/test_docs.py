"""docs/azure.md has every key of the spec and of `clouds.azure`, and the limits that the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from mldeploy.providers.azure.limits import LIMITS, PREMIUM_SIZES
from mldeploy.providers.azure.settings import AzureSettings, BlobTrigger
from mldeploy.spec.model import ModelSpec, Resources

PAGE = (Path(__file__).parents[3] / "docs" / "azure.md").read_text()
TABLE = [line for line in PAGE.splitlines() if line.startswith("| `")]
KEYS = [
    *(f"clouds.azure.{name}" for name in AzureSettings.model_fields),
    *(f"resources.{name}" for name in Resources.model_fields),
    *(name for name in ModelSpec.model_fields if name in ("access", "env", "secrets", "smoke", "tags")),
]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_has_a_row(key: str) -> None:
    assert [line for line in TABLE if f"`{key}`" in line.split("|")[1]]


@pytest.mark.parametrize("name", BlobTrigger.model_fields)
def test_every_part_of_a_trigger_is_said(name: str) -> None:
    if name != "results_prefix":  # shown by its default, results/
        assert name in PAGE


@pytest.mark.parametrize("key", [key for key, limit in LIMITS.by_key.items() if limit.high is not None])
def test_a_limit_is_the_one_in_the_code(key: str) -> None:
    (row,) = [line for line in TABLE if f"`{key}`" in line.split("|")[1]]
    high = LIMITS.by_key[key].high
    assert f"{high:g}" in row.split("|")[3]


def test_the_sizes_of_a_premium_plan_are_those_in_the_code() -> None:
    (row,) = [line for line in TABLE if "`clouds.azure.premium_size`" in line]
    assert all(f"{size.cpu:g}" in row and f"{size.memory_mb / 1024:g}" in row for size in PREMIUM_SIZES.values())
    assert all(name in row for name in PREMIUM_SIZES)
