"""The folder in front of the path of each tested command: names of stand-ins, providers not registered elsewhere."""

from __future__ import annotations

import shutil
from importlib.metadata import entry_points
from pathlib import Path

HERE = Path(__file__).parent
CLOUDS = ("aws", "azure", "gcp")
METADATA = "Metadata-Version: 2.1\nName: mldeploy-engine-tests\nVersion: 1.0\n"


def make(folder: Path) -> Path:
    """Fill the empty `folder`, and return it."""
    shutil.copy(HERE / "sitecustomize.py", folder)
    known = {found.name for found in entry_points(group="mldeploy.providers")}
    missing = [cloud for cloud in CLOUDS if cloud not in known]
    if missing:
        info = folder / "mldeploy_engine_tests-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA)
        lines = [f"{cloud} = mldeploy.providers.{cloud}.provider:provider" for cloud in missing]
        (info / "entry_points.txt").write_text("\n".join(["[mldeploy.providers]", *lines, ""]))
    return folder
