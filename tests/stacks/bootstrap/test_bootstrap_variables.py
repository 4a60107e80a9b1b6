"""The variables that a bootstrap gives are those that the generated workflows read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bootstrap_harness as harness
import pytest

from mldeploy import spec
from mldeploy.ci.contract import Keyless
from mldeploy.ci.pipeline import Target
from mldeploy.providers import registry


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
def test_a_workflow_finds_every_variable_that_it_reads(cloud: str, tmp_path: Path) -> None:
    stack, _ = harness.run(cloud, tmp_path)
    provider: Any = registry.get(cloud)
    assert isinstance(provider, Keyless)
    loaded = spec.load(tmp_path / "mldeploy.yaml", None, settings_models=registry.settings_models())
    needed = Target(cloud, provider.title, "dev", provider.login(loaded), install="").variables
    assert set(needed) <= set(stack.outputs)
    assert len(needed) >= 3
