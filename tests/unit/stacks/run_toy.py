"""`python run_toy.py up|destroy FOLDER`: the toy deployment in a process of its own, for tests that end it from outside."""

from __future__ import annotations

import sys
from pathlib import Path

from toy_rig import FINGERPRINT, Lines, Registry, plan_of, planned
from toystack_cloud import ToyCloud

from mldeploy import image, spec
from mldeploy.bundle.contract import Bundle
from mldeploy.stacks.driver import StackDriver


def main(verb: str, folder: Path) -> None:
    stand_in = Registry()
    image.ensure = stand_in.ensure
    loaded = spec.load(folder / "project" / "mldeploy.yaml", None, settings_models={})
    driver = StackDriver(ToyCloud(), "digits", "dev", planned, loaded)
    try:
        if verb == "up":
            driver.up(plan_of(), Bundle(folder / "bundle", "digits", FINGERPRINT, "onnx", (), ()), loaded, Lines())
        else:
            driver.destroy(Lines())
    except KeyboardInterrupt:
        sys.exit(130)


main(sys.argv[1], Path(sys.argv[2]))
