"""What `eject` writes is a plain program whose preview on the same stacks shows no change (gcp, azure: on STAND-INS)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from engine_lab import ejected
from engine_lab.lab import Lab


def test_the_ejected_program_changes_nothing(lab: Lab, tmp_path: Path) -> None:
    lab.up()
    folder = tmp_path / "ejected"
    lab.run("eject", "--cloud", lab.cloud, "--out", str(folder))
    program = (folder / "__main__.py").read_text() + "".join(path.read_text() for path in folder.glob("program/**/*.py"))
    assert "import mldeploy" not in program
    assert "from mldeploy" not in program
    assert (folder / "image" / "Dockerfile").exists()

    key = Path(lab.environment["MLDEPLOY_STATE_DIR"]) / "keys" / "stacks"
    environment = {**os.environ, **lab.environment, "PULUMI_CONFIG_PASSPHRASE_FILE": str(key), "PULUMI_SKIP_UPDATE_CHECK": "1"}
    for part in ("registry", "service"):
        command = [sys.executable, ejected.__file__, str(folder), f"{lab.cloud}.dev.{part}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "same" in done.stdout
