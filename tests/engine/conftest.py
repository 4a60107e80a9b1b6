"""Laboratories: one cloud, one state folder and one project for each test, on the real Pulumi engine.

cloud ─▶ lab ─▶ Lab(run, up, hands, boundary)       what is missing here skips with one line that says how to get it
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine_lab import found, labs, registry
from engine_lab.lab import Lab


@pytest.fixture(scope="session")
def image_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where images are pushed: one registry for all tests, so that an image is built and pushed once."""
    found.base_image()
    with registry.running(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture(params=["aws", "gcp", "azure"])
def cloud(request: pytest.FixtureRequest) -> str:
    """Each cloud in turn. aws: the real provider on moto; gcp, azure: STAND-IN plugins and control planes."""
    return str(request.param)


@pytest.fixture
def lab(cloud: str, image_registry: str, tmp_path: Path) -> Iterator[Lab]:
    """A cloud with nothing in it."""
    with labs.opened(cloud, image_registry, tmp_path) as opened:
        yield opened
