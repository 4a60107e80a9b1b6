"""A folder of provider plugins for the engine's PATH: small launchers that run the packages of this folder."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parents[1]
LAUNCHER = """\
#!{python}
import runpy, sys
sys.path.insert(0, {here!r})
sys.argv[1:] = [{cloud!r}]
runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
"""


def write(folder: Path, cloud: str, module: str) -> None:
    """`pulumi-resource-<cloud>`, which runs `python -m <module> <cloud>`."""
    path = folder / f"pulumi-resource-{cloud}"
    path.write_text(LAUNCHER.format(python=sys.executable, here=str(HERE), module=module, cloud=cloud))
    path.chmod(0o755)
